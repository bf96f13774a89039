//! What the state machines ask of the kernel.

/// An object that threads can wait for: readable from a signal on until that is taken.
pub trait Signal {
    /// Makes the object, where that is put off until it is needed. What is signalled before is lost.
    fn prepare(&self);

    /// Makes it readable.
    fn signal(&self);

    /// Takes all signals; never waits.
    fn take(&self);

    /// Leaves the object to the parent process, after a fork.
    fn forget(&self);
}
