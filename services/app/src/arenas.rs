//! How the allocator keeps memory: in two places at most.
//!
//! glibc gives each thread a heap of its own, up to eight for each core, and what was freed in one is of no use to another: after a day of
//! questions and learning a process holds twice what it needs (`implementation/0007-live.md` has the figures). glibc takes the limit from the
//! environment of a process when that begins, so we begin once more with it: the same process, the same id. Other allocators do not mind.
//! <https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html>

use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

const NAME: &str = "MALLOC_ARENA_MAX";

/// Begins once more with the limit, where none is set; does nothing where that cannot be.
pub fn limit() {
    if env::var_os(NAME).is_some() || !cfg!(target_env = "gnu") {
        return;
    }
    let Ok(program) = env::current_exe() else { return };
    let mut arguments = env::args_os();
    let mut again = Command::new(program);
    if let Some(called) = arguments.next() {
        again.arg0(called);
    }
    // It comes back only where it failed; then we go on as we are.
    let _failed = again.args(arguments).env(NAME, "2").exec();
}
