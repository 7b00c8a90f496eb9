//! Customers of Stripe's (<https://docs.stripe.com/api/customers>), and what is attached to them.

use super::{Named, Stripe, answer};
use crate::payments::provider::Fault;
use contracts::id::TenantId;
use secrecy::SecretString;
use serde::Deserialize;
use std::collections::HashMap;

/// Under which name a customer says whose it is.
const TENANT: &str = "tenant_id";

/// A SetupIntent (<https://docs.stripe.com/api/setup_intents>), as far as a browser needs it.
#[derive(Deserialize)]
pub struct Setup {
    /// Lets whoever has it attach a payment method to the customer.
    pub client_secret: SecretString,
}

/// A payment method with its customer, as far as they are read.
#[derive(Deserialize)]
struct Attached {
    customer: Option<Customer>,
}

#[derive(Deserialize)]
struct Customer {
    id: String,
    #[serde(default)]
    metadata: HashMap<String, String>,
}

impl Stripe {
    /// Makes the tenant's customer of that number, once; gives its id.
    pub async fn make_customer(&self, tenant: TenantId, number: i32) -> Result<String, Fault> {
        let request = self.post("customers").form(&[("metadata[tenant_id]", tenant.to_string())]);
        let request = request.header("Idempotency-Key", format!("customer-{tenant}-{number}"));
        Ok(self.read::<Named>(request).await?.id)
    }

    /// Begins to attach a payment method to the customer, to be charged later without anybody.
    ///
    /// # Errors
    /// [`Fault::Missing`] if Stripe has the customer no more.
    pub async fn set_up(&self, customer_id: &str, tenant: TenantId) -> Result<Setup, Fault> {
        let form = [
            ("customer", customer_id.to_owned()),
            ("usage", "off_session".into()),
            ("automatic_payment_methods[enabled]", "true".into()),
            ("automatic_payment_methods[allow_redirects]", "never".into()),
            ("metadata[tenant_id]", tenant.to_string()),
        ];
        self.read(self.post("setup_intents").form(&form)).await
    }

    /// Whether the payment method is attached to this customer, and the customer is the tenant's.
    pub async fn is_attached(&self, method_id: &str, customer_id: &str, tenant: TenantId) -> Result<bool, Fault> {
        let is_own = |customer: Customer| {
            let of = customer.metadata.get(TENANT).and_then(|of| of.parse().ok());
            customer.id == customer_id && of == Some(tenant.0)
        };
        Ok(self.attached(method_id).await?.is_some_and(is_own))
    }

    /// Detaches a payment method from whichever customer it is of; what is detached already stays so.
    pub async fn detach(&self, method_id: &str) -> Result<(), Fault> {
        let answer = self.send(self.post(&format!("payment_methods/{method_id}/detach"))).await?;
        match answer.status {
            200 => Ok(()),
            // Stripe refuses what is not attached, without a code.
            400 | 404 if self.attached(method_id).await?.is_none() => Ok(()),
            _ => Err(answer.read(answer::refused)),
        }
    }

    /// The customer that the method is attached to; `None` if it is attached to none, or there is no such method.
    async fn attached(&self, method_id: &str) -> Result<Option<Customer>, Fault> {
        let request = self.get(&format!("payment_methods/{method_id}")).query(&[("expand[]", "customer")]);
        match self.read::<Attached>(request).await {
            Ok(attached) => Ok(attached.customer),
            Err(Fault::Missing) => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}
