//! Interface of the state machines to the kernel.

/// Kernel object that threads can wait for. It is readable from a signal until that signal is taken.
pub trait Signal {
    /// Creates the object, if that was deferred until it is needed. Earlier signals are lost.
    fn prepare(&self);

    /// Makes the object readable.
    fn signal(&self);

    /// Takes all signals; never waits.
    fn take(&self);

    /// Detaches a forked child from the object, which stays with the parent.
    fn forget(&self);
}
