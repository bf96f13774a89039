//! Privileges that setting up namespaces requires, and capabilities that the server keeps afterwards.

use std::fs;

use rustix::io;
use rustix::process::{getegid, geteuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, UnshareFlags, capabilities, remove_capability_from_bounding_set,
    set_capabilities, set_no_new_privs,
};

use super::unshare;
use crate::sys::report;

/// Capabilities that a server started as root needs to drop its privileges and to manage its own
/// files and workers (capabilities(7)). Any other capability could harm more than these files and workers.
const KEPT_CAPABILITIES: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SYS_CHROOT);

/// Capabilities that the process was started with.
pub(super) struct Privileges(CapabilitySets);

impl Privileges {
    pub(super) fn now() -> Self {
        let none = CapabilitySet::empty();
        Self(capabilities(None).unwrap_or(CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        }))
    }

    /// Enters a user namespace, which permits the process to make other namespaces (user_namespaces(7)). With
    /// CAP_SYS_ADMIN it enters none, because a server that drops its privileges needs more than one user.
    /// Returns whether it has entered one.
    pub(super) fn enter_user_namespace(&self) -> bool {
        if self.0.effective.contains(CapabilitySet::SYS_ADMIN) {
            return false;
        }
        let (user, group) = (geteuid(), getegid());
        if unshare(UnshareFlags::NEWUSER).is_err() {
            return false;
        }
        let mapped = fs::write("/proc/self/setgroups", "deny")
            .and_then(|()| fs::write("/proc/self/uid_map", format!("{user} {user} 1")))
            .and_then(|()| fs::write("/proc/self/gid_map", format!("{group} {group} 1")));
        if let Err(error) = mapped {
            report::fatal(format_args!(
                "the sandbox's user namespace cannot be set up ({error}): turn the sandbox off"
            ));
        }
        true
    }

    /// Permanently gives up all capabilities that the server does not need.
    pub(super) fn drop_unneeded(self) {
        for capability in CapabilitySet::all().difference(KEPT_CAPABILITIES).iter() {
            // Not all bits are capabilities, and a process that may not do this has few capabilities to lose.
            let _ = remove_capability_from_bounding_set(capability);
        }
        let rest: io::Result<()> = set_no_new_privs(true).and_then(|()| {
            set_capabilities(
                None,
                CapabilitySets {
                    effective: self.0.effective & KEPT_CAPABILITIES,
                    permitted: self.0.permitted & KEPT_CAPABILITIES,
                    inheritable: CapabilitySet::empty(),
                },
            )
        });
        if let Err(error) = rest {
            report::fatal(format_args!(
                "the sandbox cannot give up privileges ({error}): turn the sandbox off"
            ));
        }
    }
}
