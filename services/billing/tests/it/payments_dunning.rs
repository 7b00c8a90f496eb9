//! Tests of dunning: who does not pay is reminded and suspended, and resumed when it has paid.

use crate::{
    payments_world::{Heard, Paying, TOTAL, attempts, days_pass, invoiced, paid, payment_when, wake},
    world::World,
};
use contracts::{
    mails::{AnyMail, PaymentReminder, ReminderReason},
    messages::{AccountResumed, AccountSuspended, SendMail},
};
use serde_json::{Value, json};

/// The reminders, in their order, once there are as many.
async fn reminders(heard: &mut Heard, world: &World, many: usize) -> Vec<(String, PaymentReminder)> {
    let mut mails = heard.of::<SendMail>(world, many, |mail| mail.key.starts_with("payment-reminder:")).await;
    mails.sort_by(|one, other| one.key.cmp(&other.key));
    let reminder = |mail: SendMail| match mail.mail {
        AnyMail::PaymentReminder(reminder) => (mail.key, reminder),
        other => panic!("another mail: {other:?}"),
    };
    mails.into_iter().map(reminder).collect()
}

fn attempted(many: usize) -> impl Fn(&Value) -> bool {
    move |payment| attempts(payment).len() == many && payment["attempts"][0]["outcome"].is_string()
}

#[tokio::test]
async fn a_declined_card_is_tried_on_four_days_then_suspends_until_another_pays() {
    let paying = Paying::start().await;
    let world = &paying.world;
    let mut heard = Heard::listen(world).await;
    let (ada, invoice) = paying.invoiced("pm_declined").await;
    payment_when(world, &ada, &invoice, "the first attempt failed", attempted(1)).await;
    for (number, days) in [(2, 1), (3, 2), (4, 4), (5, 7)] {
        days_pass(world, &invoice, days).await;
        let payment = payment_when(world, &ada, &invoice, "one more attempt failed", attempted(number)).await;
        assert_eq!(payment["attempts"][0]["code"], "insufficient_funds");
        assert_eq!((payment["suspended_at"].is_string(), payment["reminded_at"].is_null()), (number == 5, number == 5));
    }
    let mails = reminders(&mut heard, world, 4).await;
    let said: Vec<_> = mails.iter().map(|(_, mail)| (mail.reason, mail.suspended, mail.total.as_str())).collect();
    let declined = |suspended| (ReminderReason::Declined, suspended, "0.74");
    assert_eq!(said, [declined(false), declined(false), declined(false), declined(true)]);
    let suspended = heard.of::<AccountSuspended>(world, 1, |_| true).await;
    assert_eq!(
        (suspended[0].tenant_id, suspended[0].invoice_id.to_string(), suspended[0].generation),
        (ada.tenant, invoice.clone(), 1)
    );

    // Whoever has missed it hears it a day later.
    a_day_passes(world).await;
    assert_eq!(heard.of::<AccountSuspended>(world, 2, |_| true).await[1], suspended[0]);

    paying.set_method(&ada, "pm_card4242").await.expect(200);
    let payment = paid(world, &ada, &invoice).await;
    assert_eq!((attempts(&payment)[0], &payment["suspended_at"]), ((6, "succeeded"), &Value::Null));
    let resumed = heard.of::<AccountResumed>(world, 1, |_| true).await;
    assert_eq!((resumed[0].tenant_id, resumed[0].generation), (ada.tenant, 2));
    a_day_passes(world).await;
    assert_eq!(heard.of::<AccountResumed>(world, 2, |_| true).await[1], resumed[0]);
}

async fn a_day_passes(world: &World) {
    let passes = "UPDATE account_standing SET said_at = said_at - interval '1 day'";
    sqlx::query(passes).execute(&world.platform.pool).await.unwrap();
    wake(world).await;
}

#[tokio::test]
async fn a_bank_that_asks_for_the_customer_is_told_so() {
    let paying = Paying::start().await;
    let world = &paying.world;
    let mut heard = Heard::listen(world).await;
    let (ada, invoice) = paying.invoiced("pm_asks").await;
    let payment = payment_when(world, &ada, &invoice, "the first attempt failed", attempted(1)).await;
    assert_eq!(attempts(&payment), [(1, "action_required")]);
    days_pass(world, &invoice, 1).await;
    let mails = reminders(&mut heard, world, 1).await;
    assert_eq!(mails[0].1.reason, ReminderReason::ActionRequired);
}

#[tokio::test]
async fn who_is_to_pay_by_bank_transfer_is_reminded_after_it_is_due() {
    let world = World::start().await;
    world.publish_forum().await;
    let mut heard = Heard::listen(&world).await;
    let ada = world.customer().await;
    let invoice = invoiced(&world, &ada).await;
    world.counted("SELECT count(*) FROM invoice_payment WHERE next_at = due_at", 1).await;
    // Due after 14 days; reminders follow 1, 3, 7 and 14 days later.
    for (reminders, days) in [(0, 14), (1, 1), (2, 2), (3, 4), (4, 7)] {
        days_pass(&world, &invoice, days).await;
        let sql = "SELECT count(*) FROM invoice_payment WHERE dunned_from IS NOT NULL AND reminders = ";
        let sql: &'static str = format!("{sql}{reminders} AND next_at > now()").leak();
        world.counted(sql, 1).await;
    }
    let mails = reminders(&mut heard, &world, 4).await;
    let keys: Vec<_> = mails.iter().map(|(key, _)| key.clone()).collect();
    assert_eq!(keys, [1, 2, 3, 4].map(|number| format!("payment-reminder:{invoice}:{number}")));
    assert!(mails.iter().all(|(_, mail)| mail.reason == ReminderReason::Overdue));
    heard.of::<AccountSuspended>(&world, 1, |_| true).await;

    // Given up, and paid all the same.
    days_pass(&world, &invoice, 76).await;
    let lost = |payment: &Value| payment["state"] == "uncollectible" && payment["suspended_at"].is_string();
    payment_when(&world, &ada, &invoice, "the invoice is given up", lost).await;
    let transfer = json!({"reference": "line 7", "amount_minor": TOTAL, "currency": "EUR"});
    let path = format!("/v1/invoices/{invoice}/payments");
    let payment = world.server.post(&path, &transfer).bearer(&ada.token).send().await.expect(200);
    assert_eq!((&payment["state"], &payment["suspended_at"]), (&json!("paid"), &Value::Null));
    assert_eq!(heard.of::<AccountResumed>(&world, 1, |_| true).await[0].generation, 2);
}
