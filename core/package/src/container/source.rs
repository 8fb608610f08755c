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

/// A source that is a part of another: a package inside of a larger file.
#[derive(Debug)]
pub struct Part<S> {
    source: S,
    left: u64,
}

impl<S: Source> Part<S> {
    /// `bytes` bytes that begin at `offset` from where `source` stands; without `bytes`, all that follow.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::UnexpectedEof`] for a part that does not lie in the source.
    pub fn new(mut source: S, offset: u64, bytes: Option<u64>) -> io::Result<Self> {
        let behind = match source.bytes_left()? {
            Some(all) => all.checked_sub(offset).ok_or(io::ErrorKind::UnexpectedEof)?,
            None => u64::MAX,
        };
        let left = bytes.unwrap_or(behind);
        if left > behind {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if offset > 0 {
            source.skip(offset)?;
        }
        Ok(Self { source, left })
    }
}

impl<S: Source> Read for Part<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = self.source.read(buffer.get_mut(..wanted).unwrap_or_default())?;
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

impl<S: Source> Source for Part<S> {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        self.left = self.left.checked_sub(bytes).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.source.skip(bytes)
    }

    fn bytes_left(&mut self) -> io::Result<Option<u64>> {
        // Of a stream without an end that is known, neither is that of its part.
        Ok(self.source.bytes_left()?.map(|left| left.min(self.left)))
    }
}

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

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn part(bytes: &[u8], offset: u64, length: Option<u64>) -> io::Result<Part<Seekable<Cursor<Vec<u8>>>>> {
        Part::new(Seekable(Cursor::new(bytes.to_vec())), offset, length)
    }

    #[test]
    fn a_part_begins_and_ends_where_it_is_told() {
        let mut inner = part(b"0123456789", 2, Some(5)).unwrap();
        assert_eq!(inner.bytes_left().unwrap(), Some(5));
        inner.skip(2).unwrap();
        let mut text = String::new();
        inner.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), inner.bytes_left().unwrap()), ("456", Some(0)));
        assert!(inner.skip(1).is_err(), "beyond its end");
        let mut rest = String::new();
        part(b"0123", 1, None).unwrap().read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "123");
    }

    #[test]
    fn a_part_that_does_not_lie_in_its_source_is_refused() {
        for (offset, length) in [(11, None), (0, Some(11)), (5, Some(6)), (u64::MAX, Some(u64::MAX))] {
            assert!(part(b"0123456789", offset, length).is_err(), "{offset} {length:?}");
        }
        assert!(part(b"0123456789", 10, None).is_ok(), "an empty one at the end");
        // Of a stream nobody knows where it ends; the part still does.
        let mut inner = Part::new(Stream(&b"0123"[..]), 1, Some(2)).unwrap();
        assert_eq!(inner.bytes_left().unwrap(), None);
        let mut text = String::new();
        inner.read_to_string(&mut text).unwrap();
        assert_eq!(text, "12");
    }
}
