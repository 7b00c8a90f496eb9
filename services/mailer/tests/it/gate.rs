//! A gate before the emulator's SES: it lets calls through, or answers in SES's place what SES answers on a bad day.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

const LARGEST_CALL: usize = 1_000_000;
/// In place of a recipient: every mail.
pub const ALL: &str = "*";

/// What a call gets at a closed gate.
#[derive(Clone)]
pub enum Bad {
    /// SES's answer, with its error's code and message.
    Answer(u16, &'static str, String),
    /// Somebody else's answer, such as a proxy's.
    Foreign(u16),
    /// SES takes the mail, and the answer is lost.
    Lost,
}

pub struct Gate {
    pub url: String,
    state: Shared,
}

#[derive(Clone, Default)]
struct Shared {
    bad: Arc<Mutex<HashMap<String, Bad>>>,
    calls: Arc<Mutex<Vec<Value>>>,
    http: reqwest::Client,
}

impl Gate {
    pub async fn start() -> Self {
        let state = Shared::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("binding a port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port"));
        let router = Router::new().fallback(pass).with_state(state.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    /// From now on mail to `recipient` meets `bad`.
    pub fn close(&self, recipient: &str, bad: Bad) {
        self.state.bad.lock().expect("unpoisoned").insert(recipient.to_owned(), bad);
    }

    pub fn open(&self) {
        self.state.bad.lock().expect("unpoisoned").clear();
    }

    /// How often SES was asked to send to `recipient`, or at all.
    pub fn calls(&self, recipient: &str) -> usize {
        self.requests(recipient).len()
    }

    /// Each call to send to `recipient`, or at all, as the SDK wrote it.
    pub fn requests(&self, recipient: &str) -> Vec<Value> {
        let calls = self.state.calls.lock().expect("unpoisoned");
        calls.iter().filter(|call| recipient == ALL || recipient_of(call) == recipient).cloned().collect()
    }
}

fn recipient_of(call: &Value) -> &str {
    call["Destination"]["ToAddresses"][0].as_str().unwrap_or_default()
}

async fn pass(State(state): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, LARGEST_CALL).await.expect("a whole call");
    let call: Value = serde_json::from_slice(&body).unwrap_or_default();
    let bad = {
        let bad = state.bad.lock().expect("unpoisoned");
        bad.get(recipient_of(&call)).or_else(|| bad.get(ALL)).cloned()
    };
    state.calls.lock().expect("unpoisoned").push(call);
    match bad {
        None => forward(&state.http, &parts, body).await,
        Some(Bad::Answer(status, code, message)) => {
            let status = StatusCode::from_u16(status).expect("a status");
            (
                status,
                [("x-amzn-errortype", code), ("content-type", "application/json")],
                json!({"message": message}).to_string(),
            )
                .into_response()
        }
        Some(Bad::Foreign(status)) => {
            (StatusCode::from_u16(status).expect("a status"), "<html>not SES</html>").into_response()
        }
        Some(Bad::Lost) => {
            forward(&state.http, &parts, body).await;
            Response::new(Body::from_stream(stream::once(async {
                Err::<Bytes, _>(std::io::Error::other("the connection is lost"))
            })))
        }
    }
}

async fn forward(http: &reqwest::Client, parts: &axum::http::request::Parts, body: Bytes) -> Response {
    let endpoint = std::env::var("AWS_ENDPOINT_URL").expect("set by cargo xtask test");
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut call = http.request(parts.method.clone(), format!("{endpoint}{path}")).body(body);
    for name in ["authorization", "content-type", "x-amz-date"] {
        call = parts.headers.get(name).cloned().into_iter().fold(call, |call, value| call.header(name, value));
    }
    let answer = call.send().await.expect("the emulator");
    let mut answered = Response::builder().status(answer.status());
    for name in ["content-type", "x-amzn-errortype"] {
        answered =
            answer.headers().get(name).into_iter().fold(answered, |answered, value| answered.header(name, value));
    }
    answered.body(answer.bytes().await.expect("its answer").into()).expect("an answer")
}
