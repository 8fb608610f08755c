//! Where a container comes from: anything that can be read, better if it can skip.

use std::io::{self, Read, Seek, SeekFrom};

/// A stream of container bytes. What need not be transferred is skipped, which a file does by seeking and a
/// transport by asking for a range.
pub trait Source: Read {
    /// Moves `bytes` forward.
    ///
    /// # Errors
    /// What the system or the transport says; an end before that is an error here or at the next read.
    fn skip(&mut self, bytes: u64) -> io::Result<()>;

    /// How many bytes follow, where that is known without reading them: not of a stream.
    ///
    /// # Errors
    /// What the system says.
    fn bytes_left(&mut self) -> io::Result<Option<u64>> {
        Ok(None)
    }
}

/// A source that skips by reading: a pipe, a socket, standard input.
#[derive(Debug)]
pub struct Stream<R>(pub R);

/// A source that skips by seeking: a file.
#[derive(Debug)]
pub struct Seekable<R>(pub R);

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Source for Stream<R> {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        io::copy(&mut self.0.by_ref().take(bytes), &mut io::sink()).map(drop)
    }
}

impl<R: Read> Read for Seekable<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read + Seek> Source for Seekable<R> {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let bytes = i64::try_from(bytes).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.0.seek(SeekFrom::Current(bytes)).map(drop)
    }

    fn bytes_left(&mut self) -> io::Result<Option<u64>> {
        let position = self.0.stream_position()?;
        let end = self.0.seek(SeekFrom::End(0))?;
        self.0.seek(SeekFrom::Start(position))?;
        Ok(Some(end.saturating_sub(position)))
    }
}
