//! Trace context (W3C Trace Context, level 1): of which whole is this a part? It goes with a request to the services
//! that are asked, with a message to its consumers, and with a job to its worker.
//!
//! <https://www.w3.org/TR/trace-context-1/>

use crate::ambient::Ambient;
use std::{fmt, str::FromStr, sync::Arc};

tokio::task_local! {
    static CURRENT: Current;
}

/// What the running task is a part of.
#[derive(Clone)]
struct Current {
    trace: TraceContext,
    request_id: Option<Arc<str>>,
}

/// One step of a trace; written as a `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    flags: u8,
}

/// The text is no `traceparent`; whoever sent it is not followed, and a trace of its own begins.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a traceparent as W3C Trace Context defines it")]
pub struct NotATraceparent;

impl TraceContext {
    /// The first step of a trace of its own.
    pub fn begin(ambient: &Ambient) -> Self {
        Self { trace_id: ambient.bytes(), span_id: ambient.bytes(), flags: 0 }
    }

    /// The next step of the same trace.
    pub fn child(self, ambient: &Ambient) -> Self {
        Self { span_id: ambient.bytes(), ..self }
    }

    /// The next step after what a `traceparent` says, or the first one if it says nothing.
    pub fn after(traceparent: Option<&str>, ambient: &Ambient) -> Self {
        let before = traceparent.and_then(|text| text.parse::<Self>().ok());
        before.map_or_else(|| Self::begin(ambient), |before| before.child(ambient))
    }

    /// What all steps of the trace share: 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        hex(&self.trace_id)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", hex(&self.trace_id), hex(&self.span_id), self.flags)
    }
}

impl FromStr for TraceContext {
    type Err = NotATraceparent;

    /// A later version may have more fields after the ones known here (§3.2.4).
    fn from_str(text: &str) -> Result<Self, NotATraceparent> {
        let mut fields = text.splitn(5, '-');
        let mut field = || fields.next().ok_or(NotATraceparent);
        let [version] = bytes(field()?)?;
        let (trace_id, span_id, [flags]) = (bytes(field()?)?, bytes(field()?)?, bytes(field()?)?);
        let more = fields.next().is_some();
        if version == 0xff || (version == 0 && more) || trace_id == [0; 16] || span_id == [0; 8] {
            return Err(NotATraceparent);
        }
        Ok(Self { trace_id, span_id, flags })
    }
}

/// The step that the running task is; `None` outside of one.
pub fn current() -> Option<TraceContext> {
    CURRENT.try_with(|current| current.trace).ok()
}

/// The id of the request that the running task answers; `None` if it answers none.
pub fn request_id() -> Option<Arc<str>> {
    CURRENT.try_with(|current| current.request_id.clone()).ok().flatten()
}

/// Runs `work` as that step.
pub async fn within<F: Future>(trace: TraceContext, work: F) -> F::Output {
    CURRENT.scope(Current { trace, request_id: None }, work).await
}

/// Runs `work` as that step, which answers the request of this id.
pub async fn within_request<F: Future>(trace: TraceContext, request_id: &str, work: F) -> F::Output {
    CURRENT.scope(Current { trace, request_id: Some(request_id.into()) }, work).await
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Exactly so many bytes, in lower-case hexadecimal digits.
fn bytes<const N: usize>(text: &str) -> Result<[u8; N], NotATraceparent> {
    let digits = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if text.len() != 2 * N || !text.bytes().all(digits) {
        return Err(NotATraceparent);
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| NotATraceparent)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_step_follows_what_the_caller_says() {
        let ambient = Ambient::system();
        let step = TraceContext::after(Some(GIVEN), &ambient);
        assert_eq!(step.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(GIVEN.parse::<TraceContext>().unwrap().to_string(), GIVEN);
        assert_ne!(step.to_string(), GIVEN);
        assert!(step.to_string().ends_with("-01"));
        assert_eq!(step.to_string().parse(), Ok(step));
    }

    #[test]
    fn a_later_version_may_say_more() {
        let later = GIVEN.replacen("00", "01", 1) + "-more-still";
        assert_eq!(later.parse::<TraceContext>().unwrap().to_string(), GIVEN);
    }

    #[test]
    fn what_is_no_traceparent_is_not_followed() {
        for text in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-ä4bf92f3577b34da6a3ce929d0e0e47-00f067aa0ba902b7-01",
        ] {
            assert_eq!(text.parse::<TraceContext>(), Err(NotATraceparent), "{text}");
        }
    }

    #[tokio::test]
    async fn work_knows_what_it_is_a_part_of() {
        assert_eq!(current(), None);
        let step = TraceContext::begin(&Ambient::system());
        let seen = within_request(step, "r-1", async { (current(), request_id()) }).await;
        assert_eq!(seen, (Some(step), Some("r-1".into())));
        assert_eq!(within(step, async { request_id() }).await, None);
    }
}
