//! What stands around the configurator: the worker, and DNS.

use axum::{Json, Router, extract::Path, extract::State, http::StatusCode, routing::get};
use contracts::{http::jobs::JobProgress, id::JobId};
use serde_json::{Value, json};
use simple_dns::{
    CLASS, Packet, RCODE, ResourceRecord,
    rdata::{RData, TXT},
};
use std::{
    collections::HashMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};
use tokio::{
    net::{TcpListener, UdpSocket},
    sync::{OwnedRwLockWriteGuard, RwLock},
};

/// Plays the worker's `GET /internal/jobs/{id}`: a table of jobs.
pub struct Worker {
    pub url: String,
    desk: Arc<Desk>,
}

#[derive(Default)]
struct Desk {
    jobs: Mutex<HashMap<String, JobProgress>>,
    asked: AtomicUsize,
    /// Whoever holds it keeps the worker from answering.
    silence: Arc<RwLock<()>>,
}

impl Worker {
    pub async fn start() -> Self {
        let desk = Arc::<Desk>::default();
        let router = Router::new().route("/internal/jobs/{id}", get(job)).with_state(Arc::clone(&desk));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binding a port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, desk }
    }

    /// From now on the worker takes questions, and answers none until what this gives is dropped.
    pub async fn keep_silent(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.desk.silence).write_owned().await
    }

    /// How many questions it has got.
    pub fn asked(&self) -> usize {
        self.desk.asked.load(SeqCst)
    }

    /// From now on the worker says this of the job.
    pub fn says(&self, id: JobId, state: &str, reason: Option<&str>) {
        self.desk
            .jobs
            .lock()
            .expect("no test panics while it holds the jobs")
            .insert(id.to_string(), progress(id, state, reason));
    }
}

fn progress(id: JobId, state: &str, reason: Option<&str>) -> JobProgress {
    let told = json!({"job_id": id, "kind": "instance.migrate", "instance_id": null, "state": state, "run": 1,
        "reason": reason, "finished_at": null, "left_to_others": false});
    serde_json::from_value(told).expect("the worker's answer")
}

async fn job(State(desk): State<Arc<Desk>>, Path(id): Path<String>) -> (StatusCode, Json<Value>) {
    let told = desk.jobs.lock().expect("no test panics while it holds the jobs").get(&id).cloned();
    desk.asked.fetch_add(1, SeqCst);
    let _speaks = desk.silence.read().await;
    match told {
        Some(job) => (StatusCode::OK, Json(json!(job))),
        None => (StatusCode::NOT_FOUND, Json(problem("job_not_found"))),
    }
}

fn problem(code: &str) -> Value {
    json!({"type": "about:blank", "title": "Not Found", "status": 404, "detail": "There is no such job.", "code": code,
        "request_id": "x"})
}

/// The file of DNS records of one test; goes with the test.
pub struct DnsFile(PathBuf);

impl DnsFile {
    pub fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("{name}.dns")))
    }

    pub fn path(&self) -> &str {
        self.0.to_str().expect("a path that is text")
    }

    pub fn set(&self, name: &str, text: &str) {
        std::fs::write(&self.0, format!("{name} {text}\n")).expect("a file of records");
    }
}

impl Drop for DnsFile {
    fn drop(&mut self) {
        // One that was never written is not there.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A name server (RFC 1035 §4) that has only these TXT records.
pub async fn name_server(records: HashMap<String, Vec<String>>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("binding a port");
    let address = socket.local_addr().expect("a bound port");
    tokio::spawn(async move {
        let mut query = [0; 512];
        while let Ok((length, asker)) = socket.recv_from(&mut query).await {
            let _ = socket.send_to(&answer(&query[..length], &records), asker).await;
        }
    });
    address
}

fn answer(query: &[u8], records: &HashMap<String, Vec<String>>) -> Vec<u8> {
    let query = Packet::parse(query).expect("a query");
    let (mut answer, question) = (Packet::new_reply(query.id()), query.questions[0].clone());
    let texts = records.get(&question.qname.to_string().to_lowercase()).map_or(&[][..], Vec::as_slice);
    if texts.is_empty() {
        *answer.rcode_mut() = RCODE::NameError;
    }
    for text in texts {
        // In two pieces, as long texts come.
        let (first, second) = text.split_at(text.len() / 2);
        let data = TXT::new().with_string(first).and_then(|data| data.with_string(second)).expect("a short text");
        answer.answers.push(ResourceRecord::new(question.qname.clone(), CLASS::IN, 0, RData::TXT(data)));
    }
    answer.questions.push(question);
    answer.build_bytes_vec().expect("an answer")
}
