//! A port in front of an HTTP/1.1 service, at which one request can be caught: before the service has it, or when it
//! has answered and nobody knows yet.
//!
//! So a process can be stopped exactly between two steps, without knowing that somebody watches.

use anyhow::Result;
use std::{
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
    task::AbortHandle,
};

/// Larger than any message of SNS and SQS with what surrounds ten of them.
const LARGEST: usize = 8 << 20;
/// What ends the head of a request or an answer (RFC 9112 §2.1).
const END_OF_HEAD: &[u8] = b"\r\n\r\n";
/// What ends a chunked body without trailers (RFC 9112 §7.1).
const END_OF_CHUNKS: &[u8] = b"\r\n0\r\n\r\n";

/// In front of AWS.
pub const AWS: &str = "aws";
/// In front of configurator, for workers.
pub const CONFIGURATOR: &str = "configurator";

/// The gate between `service` and what it asks.
pub fn name(service: &str, asked: &str) -> String {
    format!("{service}-to-{asked}")
}

/// A port that leads to a service on this machine; closed when dropped.
pub struct Gate {
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

struct Shared {
    target: u16,
    trap: Mutex<Option<Trap>>,
    rule: watch::Sender<Rule>,
}

/// What the gate does with what it does not catch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Pass,
    /// Requests that contain this are ended without an answer.
    Refuse(&'static str),
    /// Requests that contain this reach the service so many times; the last answer counts.
    Repeat(&'static str, u8),
    /// Nobody gets through, and whoever was through is cut off.
    Closed,
}

/// Which request is caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Catch {
    /// One that contains this, before the service has it.
    Before(&'static str),
    /// One that contains the first, when the service has answered with something that contains the second.
    After(&'static str, &'static str),
}

struct Trap {
    catch: Catch,
    caught: oneshot::Sender<()>,
}

impl Gate {
    /// Leads from `port` to `target`.
    pub async fn open(port: u16, target: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let shared = Arc::new(Shared { target, trap: Mutex::default(), rule: watch::Sender::new(Rule::Pass) });
        let near = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                drop(tokio::spawn(Arc::clone(&near).carry_while_open(caller)));
            }
        });
        Ok(Self { shared, accepting: accepting.abort_handle() })
    }

    pub fn rule(&self, rule: Rule) {
        self.shared.rule.send_replace(rule);
    }

    /// Catches the next such request, and no other: it gets no answer. Resolves when it is caught.
    pub fn catch(&self, catch: Catch) -> oneshot::Receiver<()> {
        let (caught, sprung) = oneshot::channel();
        *self.shared.trap() = Some(Trap { catch, caught });
        sprung
    }

    /// Catches nothing any more.
    pub fn disarm(&self) {
        *self.shared.trap() = None;
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    async fn carry_while_open(self: Arc<Self>, near: TcpStream) {
        let mut rule = self.rule.subscribe();
        tokio::select! {
            _ = rule.wait_for(|rule| *rule == Rule::Closed) => {}
            _ = self.carry(near) => {}
        }
    }

    async fn carry(&self, mut near: TcpStream) -> io::Result<()> {
        near.set_nodelay(true)?;
        while let Some(request) = read(&mut near).await? {
            let rule = *self.rule.borrow();
            if matches!(rule, Rule::Refuse(part) if contains(&request, part)) {
                return Ok(());
            }
            if self.springs(|catch| matches!(catch, Catch::Before(part) if contains(&request, part))) {
                return until_closed(near).await;
            }
            let times = match rule {
                Rule::Repeat(part, times) if contains(&request, part) => times,
                _ => 1,
            };
            let mut answer = Vec::new();
            for _ in 0..times {
                answer = self.ask(&request).await?;
            }
            let caught = |asked: &str, told: &str| contains(&request, asked) && contains(&answer, told);
            if self.springs(|catch| matches!(catch, Catch::After(asked, told) if caught(asked, told))) {
                return until_closed(near).await;
            }
            near.write_all(&answer).await?;
        }
        Ok(())
    }

    /// A connection of its own for each request, so that whether the service keeps them open does not matter.
    async fn ask(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let mut far = TcpStream::connect((Ipv4Addr::LOCALHOST, self.target)).await?;
        far.set_nodelay(true)?;
        far.write_all(request).await?;
        read(&mut far).await?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn springs(&self, fits: impl Fn(Catch) -> bool) -> bool {
        let mut trap = self.trap();
        let Some(sprung) = trap.take_if(|trap| fits(trap.catch)) else { return false };
        sprung.caught.send(()).is_ok()
    }

    fn trap(&self) -> MutexGuard<'_, Option<Trap>> {
        self.trap.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn until_closed(mut near: TcpStream) -> io::Result<()> {
    while near.read(&mut [0; 64]).await? > 0 {}
    Ok(())
}

/// One whole request or answer; `None` if the connection ended before it.
async fn read(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut message = Vec::new();
    let head = loop {
        if let Some(end) = position(&message, END_OF_HEAD) {
            break end + END_OF_HEAD.len();
        }
        if more(stream, &mut message).await? == 0 {
            return Ok(None);
        }
    };
    let text = String::from_utf8_lossy(&message[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    let chunked = text.lines().any(|line| line.starts_with("transfer-encoding:") && line.contains("chunked"));
    let complete = |message: &[u8]| match length {
        Some(length) => message.len() >= head + length,
        None => !chunked || message.ends_with(END_OF_CHUNKS) || message[head..] == END_OF_CHUNKS[2..],
    };
    while !complete(&message) {
        if more(stream, &mut message).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(Some(message))
}

async fn more(stream: &mut TcpStream, message: &mut Vec<u8>) -> io::Result<usize> {
    if message.len() >= LARGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    message.reserve(16 << 10);
    stream.read_buf(message).await
}

fn contains(message: &[u8], part: &str) -> bool {
    position(message, part.as_bytes()).is_some()
}

fn position(message: &[u8], part: &[u8]) -> Option<usize> {
    message.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    /// An HTTP service that counts what it is asked; also for its own port.
    async fn service() -> (u16, Arc<AtomicUsize>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (port, asked) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut caller, _)) = listener.accept().await {
                read(&mut caller).await.unwrap();
                count.fetch_add(1, SeqCst);
                caller.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone").await.unwrap();
            }
        });
        (port, asked)
    }

    async fn gate(target: u16) -> (Gate, String) {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port();
        (Gate::open(port, target).await.unwrap(), format!("http://127.0.0.1:{port}"))
    }

    async fn post(url: String, body: &'static str) -> reqwest::Result<String> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        http.post(url).body(body).send().await?.text().await
    }

    #[tokio::test]
    async fn a_request_is_caught_before_the_service_has_it_or_after() {
        let (target, asked) = service().await;
        let (gate, url) = gate(target).await;
        for (catch, reaches) in [(Catch::Before("Publish"), 0), (Catch::After("Publish", "done"), 1)] {
            asked.store(0, SeqCst);
            let caught = gate.catch(catch);
            assert_eq!(post(url.clone(), "Receive").await.unwrap(), "done");
            let held = tokio::spawn(post(url.clone(), "Publish"));
            caught.await.unwrap();
            assert_eq!(asked.load(SeqCst), 1 + reaches);
            assert!(!held.is_finished());
            held.abort();
            assert_eq!(post(url.clone(), "Publish").await.unwrap(), "done", "only one is caught");
        }
    }

    #[tokio::test]
    async fn requests_are_refused_repeated_or_cut_off() {
        let (target, asked) = service().await;
        let (gate, url) = gate(target).await;
        gate.rule(Rule::Repeat("Publish", 10));
        assert_eq!(post(url.clone(), "Publish").await.unwrap(), "done");
        assert_eq!(asked.load(SeqCst), 10);
        gate.rule(Rule::Refuse("Publish"));
        post(url.clone(), "Publish").await.unwrap_err();
        assert_eq!(post(url.clone(), "Receive").await.unwrap(), "done");
        gate.rule(Rule::Closed);
        post(url.clone(), "Receive").await.unwrap_err();
        gate.rule(Rule::Pass);
        assert_eq!(post(url, "Receive").await.unwrap(), "done");
    }
}
