//! Where answers go: standard output, and files that appear whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Whether the reader of our output went away (`| head`): no error, there is nobody left to tell.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| {
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        cause.downcast_ref::<io::Error>().map(io::Error::kind).or(json)
    };
    error.chain().any(|cause| kind(cause) == Some(io::ErrorKind::BrokenPipe))
}

/// Refuses a file that could not be written in the end, or that would replace one of the `inputs`.
pub fn check_writable(path: &Path, inputs: &[PathBuf]) -> anyhow::Result<()> {
    let folder = folder(path);
    if !folder.is_dir() {
        bail!("{}: there is no folder {}", path.display(), folder.display());
    }
    if path.is_dir() {
        bail!("{}: this is a folder; name a file in it", path.display());
    }
    if let Ok(target) = path.canonicalize()
        && inputs.iter().any(|input| input.canonicalize().is_ok_and(|input| input == target))
    {
        bail!("{}: this file is read; name another one to write to", path.display());
    }
    Ok(())
}

/// Lets `write` fill a new file beside `path` and puts it in the place of `path` when all of it is on disk.
pub fn write_whole(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let partial = Partial(folder(path).join(format!(".{name}.{}.part", std::process::id())));
    let cannot = || format!("{}: cannot be written", path.display());
    let file = File::create(&partial.0).with_context(cannot)?;
    let mut out = BufWriter::with_capacity(1 << 18, file);
    write(&mut out).with_context(cannot)?;
    out.flush().and_then(|()| out.get_ref().sync_all()).with_context(cannot)?;
    drop(out);
    std::fs::rename(&partial.0, path).with_context(cannot)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file that is gone again unless it was renamed.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        let _gone_already = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.csv");
        std::fs::write(&path, "old").unwrap();
        let failed = write_whole(&path, |out| {
            out.write_all(b"half")?;
            bail!("no more")
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        write_whole(&path, |out| Ok(out.write_all(b"new")?)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_read_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("history.csv");
        std::fs::write(&input, "").unwrap();
        let same = folder.path().join(".").join("history.csv");
        assert!(check_writable(&same, &[input]).is_err());
        assert!(check_writable(&folder.path().join("none/out.csv"), &[]).is_err());
        assert!(check_writable(folder.path(), &[]).is_err());
    }

    #[test]
    fn a_reader_that_left_is_no_error() {
        let left = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(&anyhow::Error::from(left()).context("writing")));
        assert!(is_broken_pipe(&serde_json::Error::io(left()).into()));
        assert!(!is_broken_pipe(&anyhow::anyhow!("no")));
    }
}
