//! Stripe's API (<https://docs.stripe.com/api>) as a payment provider: PaymentIntents that are made and confirmed
//! without the customer.

mod amount;
mod answer;
mod customers;
pub mod signature;

pub use customers::Setup;

use super::provider::{Account, Charge, ChargeKey, ChargeOrder, Fault, PaymentProvider};
use crate::currency::Currency;
use answer::{Intent, Intents};
use common::problem::Chain;
use contracts::public_url::PublicUrl;
use reqwest::{RequestBuilder, header::RETRY_AFTER, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use tokio::sync::OnceCell;

/// The version whose shapes are read here, whatever the account's own is.
const VERSION: &str = "2025-06-30.basil";
/// Nobody waits for it but a worker, and a bank may take its time.
const TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A full page of PaymentIntents has some 300 kB.
const LONGEST_ANSWER: usize = 2 * 1024 * 1024;
const USER_AGENT: &str = "sevenleague-billing";
/// PaymentIntents on a page, which is the most that Stripe gives, and pages that are looked through.
const PAGE: &str = "100";
const MOST_PAGES: usize = 10;
/// Stripe's clock may be behind ours.
const CLOCKS_DIFFER: i64 = 300;
/// No longer than this is waited because Stripe says so.
const LONGEST_RETRY_AFTER: u64 = 3600;

/// Calls Stripe; cheap to clone.
#[derive(Clone)]
pub struct Stripe {
    http: reqwest::Client,
    key: SecretString,
    /// Without a slash at its end.
    url: String,
    /// Of the key; asked for once.
    account: Arc<OnceCell<Account>>,
}

/// Anything of Stripe's that has an id.
#[derive(Deserialize)]
struct Named {
    id: String,
}

/// An answer, read whole.
struct Answer {
    status: u16,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

impl Stripe {
    pub fn new(url: &PublicUrl, key: SecretString) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).connect_timeout(CONNECT_TIMEOUT);
        let http = http.redirect(Policy::none()).user_agent(USER_AGENT).build()?;
        Ok(Self { http, key, url: url.as_str().trim_end_matches('/').to_owned(), account: Arc::default() })
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}/v1/{path}", self.url))
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}/v1/{path}", self.url))
    }

    /// The body of a 200.
    async fn read<T: for<'de> Deserialize<'de>>(&self, request: RequestBuilder) -> Result<T, Fault> {
        let answer = self.send(request).await?;
        match answer.status {
            200 => serde_json::from_slice(&answer.body).map_err(|_| Fault::passing("200 that is not understood")),
            _ => Err(answer.read(answer::refused)),
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer, Fault> {
        let request = request.bearer_auth(self.key.expose_secret()).header("Stripe-Version", VERSION);
        let mut answer = request.send().await.map_err(away)?;
        let status = answer.status().as_u16();
        let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let retry_after = seconds.map(|seconds| Duration::from_secs(seconds.min(LONGEST_RETRY_AFTER)));
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(away)? {
            if body.len() + part.len() > LONGEST_ANSWER {
                return Err(Fault::passing("the answer is too long"));
            }
            body.extend_from_slice(&part);
        }
        Ok(Answer { status, retry_after, body })
    }

    /// A page of the customer's intents, since shortly before the order.
    async fn page(&self, order: &ChargeOrder, after: Option<&str>) -> Result<Intents, Fault> {
        let since = (order.begun_at - CLOCKS_DIFFER).to_string();
        let mut query = vec![("customer", order.customer_id.as_str()), ("created[gte]", &since), ("limit", PAGE)];
        query.extend(after.map(|id| ("starting_after", id)));
        let request = self.get("payment_intents").query(&query);
        self.read(request).await
    }

    /// The intents of an order, whoever's they are; those of the last minute may be missing
    /// (<https://docs.stripe.com/search>), so what is not found is sent again under its key.
    async fn search(&self, ChargeKey { invoice_id, attempt }: ChargeKey) -> Result<Intents, Fault> {
        let query = format!("metadata['invoice_id']:'{invoice_id}' AND metadata['attempt']:'{attempt}'");
        self.read(self.get("payment_intents/search").query(&[("query", query.as_str()), ("limit", PAGE)])).await
    }
}

impl Answer {
    /// What the answer is by `read`, with the pause that Stripe wishes.
    fn read(&self, read: impl FnOnce(u16, &[u8]) -> Fault) -> Fault {
        self.with_pause(read(self.status, &self.body))
    }

    fn with_pause(&self, fault: Fault) -> Fault {
        match fault {
            Fault::Passing { reason, .. } => Fault::Passing { reason, retry_after: self.retry_after },
            other => other,
        }
    }
}

impl PaymentProvider for Stripe {
    /// Stripe remembers them for at least 24 hours.
    const REMEMBERS: Duration = Duration::from_secs(20 * 3600);

    fn amount(&self, amount_minor: i64, currency: &Currency) -> Option<i64> {
        amount::amount(amount_minor, currency)
    }

    async fn account(&self) -> Result<Account, Fault> {
        let ask = async || {
            let Named { id } = self.read(self.get("account")).await?;
            Ok(Account { id, live: !self.key.expose_secret().contains("_test_") })
        };
        self.account.get_or_try_init(ask).await.cloned()
    }

    async fn charge(&self, order: &ChargeOrder) -> Result<Charge, Fault> {
        let Some(amount) = self.amount(order.amount_minor, &order.currency) else {
            return Err(Fault::Configuration { reason: "the amount cannot be charged".into() });
        };
        let ChargeKey { invoice_id, attempt } = order.key;
        let form = [
            ("amount", amount.to_string()),
            ("currency", order.currency.code().to_lowercase()),
            ("customer", order.customer_id.clone()),
            ("payment_method", order.method_id.clone()),
            ("confirm", "true".into()),
            ("off_session", "true".into()),
            ("automatic_payment_methods[enabled]", "true".into()),
            ("automatic_payment_methods[allow_redirects]", "never".into()),
            ("metadata[invoice_id]", invoice_id.to_string()),
            ("metadata[attempt]", attempt.to_string()),
        ];
        let request = self.post("payment_intents").form(&form);
        let answer = self.send(request.header("Idempotency-Key", order.key.to_string())).await?;
        answer::sort(answer.status, &answer.body).map_err(|fault| answer.with_pause(fault))
    }

    async fn find(&self, order: &ChargeOrder) -> Result<Option<Charge>, Fault> {
        let mut after: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page = match self.page(order, after.as_deref()).await {
                // Somebody has deleted the customer: its charges are still there.
                Err(Fault::Missing) => self.search(order.key).await?,
                page => page?,
            };
            let own = |intent: &&Intent| ChargeKey::read(&intent.metadata) == Some(order.key);
            if let Some(found) = page.data.iter().find(own) {
                return Ok(Some(found.clone().into()));
            }
            match page.data.last().filter(|_| page.has_more) {
                Some(last) => after = Some(last.id.clone()),
                None => return Ok(None),
            }
        }
        Err(Fault::passing("the customer has more payments than are looked through"))
    }

    async fn retrieve(&self, intent_id: &str) -> Result<Charge, Fault> {
        // With the last charge, which says whether it was paid back.
        let request = self.get(&format!("payment_intents/{intent_id}")).query(&[("expand[]", "latest_charge")]);
        let answer = self.send(request).await?;
        match answer.status {
            200 => answer::sort(200, &answer.body),
            _ => Err(answer.read(answer::refused)),
        }
    }

    async fn cancel(&self, intent_id: &str) -> Result<Charge, Fault> {
        let answer = self.send(self.post(&format!("payment_intents/{intent_id}/cancel"))).await?;
        match answer.status {
            200 => answer::sort(200, &answer.body),
            // It is canceled already, or has come to another end.
            400 if answer::is_unexpected_state(&answer.body) => self.retrieve(intent_id).await,
            _ => Err(answer.read(answer::refused)),
        }
    }
}

/// Without the address, which may name a customer.
fn away(error: reqwest::Error) -> Fault {
    Fault::passing(Chain(&error.without_url()).to_string())
}
