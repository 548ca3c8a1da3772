//! The frame that MLLP puts around a message: VT, the message, FS, CR. Knows nothing of what is inside.

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _};

const VT: u8 = 0x0b;
const FS: u8 = 0x1c;
const CR: u8 = b'\r';

/// How long an answer may be. An acknowledgement has a few hundred bytes.
const FRAME_MAX_BYTES: usize = 64 * 1024;

/// How much of an answer that is none is shown.
const STRAY_MAX_BYTES: usize = 40;

/// Why no message could be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("closed without an answer")]
    Closed,
    #[error("closed amid the answer")]
    ClosedAmid,
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    #[error("not MLLP: the answer starts with {0:?}")]
    Stray(String),
    #[error("not MLLP: the answer's end is not followed by a carriage return")]
    BadEnd,
    #[error("not MLLP: the answer is longer than 64 KiB")]
    TooLong,
}

/// `message` in its frame.
pub(crate) fn framed(message: &str) -> Vec<u8> {
    let mut frame = Vec::with_capacity(message.len() + 3);
    frame.push(VT);
    frame.extend_from_slice(message.as_bytes());
    frame.extend_from_slice(&[FS, CR]);
    frame
}

/// Whether `message` can be framed: what marks the frame must not stand in it.
pub(crate) fn can_be_framed(message: &str) -> bool {
    !message.bytes().any(|byte| byte == VT || byte == FS)
}

/// Reads one framed message. `read` keeps what has arrived, also when the reading is given up.
pub(crate) async fn read_frame(
    stream: &mut (impl AsyncRead + Unpin),
    read: &mut Vec<u8>,
) -> Result<String, FrameError> {
    let mut chunk = [0; 4 * 1024];
    loop {
        if let Some(message) = parse(read)? {
            return Ok(message);
        }
        match stream.read(&mut chunk).await {
            Ok(0) => return Err(closed(read)),
            Ok(count) => read.extend_from_slice(&chunk[..count]),
            // A TLS peer that hangs up without saying so has hung up.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(closed(read)),
            Err(error) => return Err(error.into()),
        }
    }
}

fn closed(read: &[u8]) -> FrameError {
    if read.is_empty() { FrameError::Closed } else { FrameError::ClosedAmid }
}

/// The message in `read`, where its frame is complete. Line ends before a frame are let pass, as receivers do.
fn parse(read: &[u8]) -> Result<Option<String>, FrameError> {
    let Some(start) = read.iter().position(|&byte| byte != b'\r' && byte != b'\n') else {
        return if read.len() > FRAME_MAX_BYTES { Err(FrameError::TooLong) } else { Ok(None) };
    };
    if read[start] != VT {
        let stray = &read[start..read.len().min(start + STRAY_MAX_BYTES)];
        return Err(FrameError::Stray(String::from_utf8_lossy(stray).into_owned()));
    }
    let body = &read[start + 1..];
    let Some(end) = body.iter().position(|&byte| byte == FS) else {
        return if body.len() > FRAME_MAX_BYTES { Err(FrameError::TooLong) } else { Ok(None) };
    };
    match body.get(end + 1) {
        None => Ok(None),
        Some(&CR) => Ok(Some(String::from_utf8_lossy(&body[..end]).into_owned())),
        Some(_) => Err(FrameError::BadEnd),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read from a peer that sends `pieces` one after another and hangs up.
    async fn read(pieces: &[&[u8]]) -> Result<String, String> {
        let mut stream = tokio_test_stream(pieces);
        read_frame(&mut stream, &mut Vec::new()).await.map_err(|error| error.to_string())
    }

    fn tokio_test_stream<'a>(pieces: &'a [&'a [u8]]) -> impl AsyncRead + Unpin + 'a {
        struct Pieces<'a>(&'a [&'a [u8]]);
        impl AsyncRead for Pieces<'_> {
            fn poll_read(
                mut self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
                buffer: &mut tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<io::Result<()>> {
                if let Some((piece, rest)) = self.0.split_first() {
                    buffer.put_slice(piece);
                    self.0 = rest;
                }
                std::task::Poll::Ready(Ok(()))
            }
        }
        Pieces(pieces)
    }

    #[tokio::test]
    async fn a_frame_is_read_however_it_arrives() {
        let whole = framed("MSH|a\rMSA|AA|1");
        assert_eq!(read(&[&whole]).await.as_deref(), Ok("MSH|a\rMSA|AA|1"));
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        assert_eq!(read(&bytes).await.as_deref(), Ok("MSH|a\rMSA|AA|1"));
        assert_eq!(read(&[b"\r\n", &whole, b"more"]).await.as_deref(), Ok("MSH|a\rMSA|AA|1"));
    }

    #[tokio::test]
    async fn what_is_no_frame_is_told() {
        assert_eq!(read(&[]).await.unwrap_err(), "closed without an answer");
        assert_eq!(read(&[b"\x0bMSH|a\x1c"]).await.unwrap_err(), "closed amid the answer");
        assert_eq!(
            read(&[b"HTTP/1.1 400 Bad Request\r\n"]).await.unwrap_err(),
            r#"not MLLP: the answer starts with "HTTP/1.1 400 Bad Request\r\n""#
        );
        assert!(read(&[b"\x0bMSH|a\x1cX"]).await.unwrap_err().contains("not followed by a carriage return"));
        let chunk = [b'\x0b'; 4 * 1024];
        assert!(read(&[&chunk[..]; 20]).await.unwrap_err().contains("longer than 64 KiB"));
        let line_ends = [b'\n'; 4 * 1024];
        assert!(read(&[&line_ends[..]; 20]).await.unwrap_err().contains("longer than 64 KiB"));
    }
}
