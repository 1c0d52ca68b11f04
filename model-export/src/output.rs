//! Files are written under another name first and renamed when they are whole: a failure leaves
//! what was there before.

use anyhow::{Context, Result};
use std::io::{BufWriter, Seek, Write};
use std::path::Path;

/// Writes `path` through `write`, all or nothing. Missing folders are made.
pub fn write_whole(path: &Path, write: impl FnOnce(&mut (dyn WriteSeek + '_)) -> Result<()>) -> Result<()> {
    let cannot = || format!("cannot write {}", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(cannot)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".autochrome-").suffix(".part");
    #[cfg(unix)]
    {
        // As any new file would have it, less the umask; temporary files are private otherwise.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).with_context(cannot)?;
    {
        let mut buffer = BufWriter::new(file.as_file_mut());
        write(&mut buffer)?;
        buffer.flush().with_context(cannot)?;
    }
    file.persist(path).map_err(|error| error.error).with_context(cannot)?;
    Ok(())
}

/// Buffering and seeking, as the encoders of image files need.
pub trait WriteSeek: Write + Seek {}

impl<T: Write + Seek> WriteSeek for T {}
