//! The crossing: every operation is called with another tenant's token and the tenant's own ids, and each answer is
//! judged.

use super::{
    super::{guide::Guide, http::Answer, sessions::Session},
    crawler::paths,
    known::Known,
    sample::Sampler,
    spec::{Door, Operation, PRODUCT},
};
use anyhow::{Result, bail, ensure};
use reqwest::Method;
use serde_json::Value;
use std::collections::BTreeSet;

/// Why an operation may do what no other may. One that was never needed is an error.
struct Exception {
    operations: &'static [&'static str],
    what: What,
    why: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Its answers have things of the tenant in them.
    Shows,
    /// It answers 2xx although something of the tenant is in its path.
    Takes,
    /// Nothing is known to put into its path.
    NothingKnown,
}

const EXCEPTIONS: [Exception; 5] = [
    Exception {
        operations: &["listTopics", "getTopic"],
        what: What::Shows,
        why: "a forum's pages are for everybody who comes to its host",
    },
    Exception {
        operations: &["listPrincipalPermissions"],
        what: What::Takes,
        why: "it says what somebody may do in the caller's own tenant: a stranger nothing, which is an empty list",
    },
    Exception {
        operations: &[
            "showEmailVerification",
            "verifyEmail",
            "rejectRegistration",
            "showPasswordReset",
            "resetPassword",
            "showInvitationRefusal",
            "refuseInvitations",
        ],
        what: What::NothingKnown,
        why: "a link's token is in a mail and nowhere else",
    },
    Exception {
        operations: &["getPasskey", "renamePasskey", "removePasskey"],
        what: What::NothingKnown,
        why: "a passkey is made by a browser, and the tour has none",
    },
    Exception {
        operations: &["getPoll", "vote"],
        what: What::NothingKnown,
        why: "Ada has removed polls, and their routes with them",
    },
];

/// Ends the session that everything is called with, so it comes last.
const LAST: &str = "logOut";
/// Refusals of a token, by which a door proves nothing: nobody has looked whose it is.
const UNHEARD: [&str; 3] = ["token_expired", "token_invalid", "session_ended"];
/// In the place of what nobody knows.
const NOBODYS_ID: &str = "00000000-0000-7000-8000-00000000dead";

pub struct Crossing<'a> {
    pub guide: &'a Guide,
    /// Of the tenant whose walls are tried.
    pub known: &'a Known,
    pub hosts: &'a [&'a str],
    /// Of another one.
    pub stranger: &'a Session,
    /// The stranger's, for the product: it takes no other (RFC 8707).
    pub product_token: &'a str,
    /// What the stranger has put into her own tenant, and sees there since.
    planted: String,
    calls: usize,
    services: BTreeSet<String>,
    used: BTreeSet<(&'static str, String)>,
    faults: Vec<String>,
}

/// One call of an operation.
struct Attempt {
    path: String,
    query: Option<(String, String)>,
    host: Option<String>,
    body: Option<Value>,
}

impl<'a> Crossing<'a> {
    pub fn new(
        guide: &'a Guide,
        known: &'a Known,
        hosts: &'a [&'a str],
        stranger: &'a Session,
        product_token: &'a str,
    ) -> Self {
        Self {
            guide,
            known,
            hosts,
            stranger,
            product_token,
            planted: String::new(),
            calls: 0,
            services: BTreeSet::new(),
            used: BTreeSet::new(),
            faults: Vec::new(),
        }
    }

    /// What was seen; an error names everything that the wall let through.
    pub async fn cross(mut self, operations: &[Operation]) -> Result<String> {
        // What she writes into her own tenant she may read there, so she reads before she writes.
        let mut ordered: Vec<_> = operations.iter().collect();
        ordered.sort_by_key(|operation| (operation.id == LAST, operation.method != Method::GET));
        for operation in &ordered {
            self.services.insert(operation.service.clone());
            for attempt in self.attempts(operation)? {
                self.attempt(operation, &attempt).await?;
            }
        }
        self.unused();
        let (calls, services) = (self.calls, self.services.len());
        ensure!(
            self.faults.is_empty(),
            "{} faults in {calls} calls:\n      {}",
            self.faults.len(),
            self.faults.join("\n      ")
        );
        Ok(format!(
            "{} operations of {services} services called {calls} times with another tenant's token: 0 leaks",
            ordered.len()
        ))
    }

    /// Every id in the path and in the query, every body.
    fn attempts(&mut self, operation: &Operation) -> Result<Vec<Attempt>> {
        let mut filled = paths(operation, self.known);
        if filled.is_empty() {
            if !self.may(operation, What::NothingKnown) {
                bail!(
                    "nothing of Ada's is known to call {} {} with: let her have one in an earlier step",
                    operation.method,
                    operation.path
                );
            }
            let holes = operation.parameters().into_iter().map(|parameter| format!("{{{}}}", parameter.name));
            filled.push(holes.fold(operation.path.clone(), |path, hole| path.replace(&hole, NOBODYS_ID)));
        }
        let hosts: Vec<_> = if operation.service == PRODUCT {
            self.hosts.iter().map(|host| Some((*host).to_owned())).collect()
        } else {
            vec![None]
        };
        let bodies = operation
            .body
            .as_ref()
            .map(|body| Sampler { known: self.known, schemas: &body.schemas }.bodies(&body.schema));
        let bodies = bodies.map_or_else(|| vec![None], |bodies| bodies.into_iter().map(Some).collect());
        let mut queries = vec![None];
        for name in &operation.query {
            let values =
                [true, false].into_iter().flat_map(|is_uuid| self.known.values(operation.container(), name, is_uuid));
            queries.extend(
                values.collect::<BTreeSet<_>>().into_iter().map(|value| Some((name.clone(), value.to_owned()))),
            );
        }
        let mut attempts = Vec::new();
        for (path, host) in filled.iter().flat_map(|path| hosts.iter().map(move |host| (path, host))) {
            for (query, body) in queries.iter().flat_map(|query| bodies.iter().map(move |body| (query, body))) {
                attempts.push(Attempt {
                    path: path.clone(),
                    query: query.clone(),
                    host: host.clone(),
                    body: body.clone(),
                });
            }
        }
        Ok(attempts)
    }

    async fn attempt(&mut self, operation: &Operation, attempt: &Attempt) -> Result<()> {
        let token = if operation.service == PRODUCT { self.product_token } else { &self.stranger.token };
        let mut call = self.guide.call(operation.method.clone(), &operation.service, &attempt.path).bearer(token);
        if let Some((name, value)) = &attempt.query {
            call = call.query(&[(name, value)]);
        }
        if let Some(host) = &attempt.host {
            call = call.host(host);
        }
        if operation.headers.iter().any(|name| name.eq_ignore_ascii_case("if-match")) {
            call = call.header("If-Match", "*");
        }
        if let Some(body) = &attempt.body {
            call = if operation.body.as_ref().is_some_and(|body| body.form) {
                call.form(&fields(body))
            } else {
                call.json(body)
            };
        }
        let answer = call.send().await?;
        self.calls += 1;
        self.judge(operation, attempt, &answer);
        Ok(())
    }

    fn judge(&mut self, operation: &Operation, attempt: &Attempt, answer: &Answer) {
        let Attempt { path, query, host, body } = attempt;
        let told = format!("{path} {query:?} {host:?} {}", body.as_ref().map(Value::to_string).unwrap_or_default());
        let done = (200..300).contains(&answer.status);
        if answer.status >= 500 {
            self.faults.push(format!("{answer}"));
        }
        if operation.door == Door::Bearer && UNHEARD.iter().any(|code| answer.refused(401, code).is_ok()) {
            self.faults.push(format!("{answer}, so nobody has looked whose token it is"));
        }
        if operation.door == Door::PlatformClient && answer.status != 403 {
            self.faults.push(format!("{answer}, and is for the platform's own services"));
        }
        if done && operation.door != Door::Public && self.known.is_in(path) && !self.may_take(operation, answer) {
            self.faults.push(format!("{answer}, and what it names is another tenant's"));
        }
        let hers = format!("{told} {}", self.planted);
        let leaks: Vec<_> = [&answer.text, &answer.header_text()]
            .into_iter()
            .flat_map(|said| self.known.leaks(said, &hers))
            .map(str::to_owned)
            .collect();
        if !leaks.is_empty() && !self.may(operation, What::Shows) {
            self.faults.push(format!("{answer}, which tells of another tenant: {leaks:?}"));
        }
        if done && operation.method != Method::GET {
            self.planted += &told;
        }
    }

    /// Whether there is an exception for it, which counts as used by that.
    fn may(&mut self, operation: &Operation, what: What) -> bool {
        let found = EXCEPTIONS
            .iter()
            .find(|exception| exception.what == what && exception.operations.contains(&operation.id.as_str()));
        found.is_some_and(|exception| {
            self.used.insert((exception.why, operation.id.clone()));
            true
        })
    }

    fn may_take(&mut self, operation: &Operation, answer: &Answer) -> bool {
        let says_nothing = answer.json().is_ok_and(|answer| answer["items"].as_array().is_some_and(Vec::is_empty));
        says_nothing && self.may(operation, What::Takes)
    }

    fn unused(&mut self) {
        for Exception { operations, what, why } in EXCEPTIONS {
            let unused = operations.iter().filter(|operation| !self.used.contains(&(why, (**operation).to_owned())));
            self.faults
                .extend(unused.map(|operation| format!("{operation} needs no exception any more ({what:?}: {why})")));
        }
    }
}

fn fields(body: &Value) -> Vec<(&str, &str)> {
    body.as_object().into_iter().flatten().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect()
}
