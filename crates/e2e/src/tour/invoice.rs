//! Step 11: what does a tenant pay, and why?

use super::{
    forum::POSTS,
    guide::Guide,
    http::{list, number, text},
    sessions::Session,
};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Closes Ada's open cycle; gives the invoice with its lines.
pub async fn close(guide: &Guide, ada: &Session) -> Result<Value> {
    let query = [("tenant_id", &*ada.tenant_id), ("state", "open")];
    let cycles = guide.get("billing", "/v1/cycles").query(&query).bearer(guide.operator()).expect(200).await?;
    ensure!(list(&cycles, "/items").len() == 1, "Ada should have one open cycle: {cycles}");
    let path = format!("/v1/cycles/{}/close", text(&cycles, "/items/0/id")?);
    guide.post("billing", &path).bearer(&ada.token).refused(403, "permission_missing").await?;
    let cycle = guide.post("billing", &path).bearer(guide.operator()).expect(202).await?;
    let invoice = invoice_of(guide, ada, text(&cycle, "/id")?).await?;
    guide.saw(format!(
        "invoice {}: {} {} cents for {} to {}",
        text(&invoice, "/number")?,
        invoice["total_minor"],
        text(&invoice, "/currency")?,
        text(&invoice, "/period_start")?,
        text(&invoice, "/period_end")?
    ));

    let names: Vec<_> = list(&invoice, "/lines").iter().filter_map(|line| line["name"].as_str()).collect();
    ensure!(
        names.len() == 3 && ["forum", "forum.polls", "forum.posts"].iter().all(|name| names.contains(name)),
        "the lines are {names:?}"
    );
    let mut total = 0.0;
    for line in list(&invoice, "/lines") {
        total += number(line, "/amount_minor")?;
        explain(guide, ada, text(&invoice, "/id")?, line).await?;
    }
    ensure!(number(&invoice, "/total_minor")? == total && total > 0.0, "the lines add up to {total}: {invoice}");

    let again = guide.post("billing", &path).bearer(guide.operator()).expect(200).await?;
    let invoices = guide.get("billing", "/v1/invoices").bearer(&ada.token).expect(200).await?;
    ensure!(
        again["invoice_id"] == invoice["id"] && list(&invoices, "/items").len() == 1,
        "closing twice made {invoices}"
    );
    guide.saw("closing it again: 200 with the same invoice; Ada has one");
    Ok(invoice)
}

/// The cycle's invoice, once it is made and has its number.
async fn invoice_of(guide: &Guide, ada: &Session, cycle: &str) -> Result<Value> {
    let path = format!("/v1/cycles/{cycle}");
    guide
        .wait("the cycle to have a numbered invoice", async || {
            let cycle = guide.get("billing", &path).bearer(guide.operator()).expect(200).await?;
            let Some(id) = cycle["invoice_id"].as_str() else { return Ok(None) };
            let invoice = guide.get("billing", &format!("/v1/invoices/{id}")).bearer(&ada.token).expect(200).await?;
            Ok(invoice["number"].is_string().then_some(invoice))
        })
        .await
}

/// The line, recomputed by billing and by us from its raw rows.
async fn explain(guide: &Guide, ada: &Session, invoice: &str, line: &Value) -> Result<()> {
    let (name, unit) = (text(line, "/name")?, text(line, "/unit")?);
    let path = format!("/v1/invoices/{invoice}/lines/{}/explain", text(line, "/id")?);
    let explained = guide.get("billing", &path).query(&[("limit", "200")]).bearer(&ada.token).expect(200).await?;
    ensure!(
        explained["equal"] == true && explained["recomputed_amount_minor"] == line["amount_minor"],
        "{name} does not equal: {explained}"
    );
    let raw = list(&explained, "/raw");
    let quantities = raw
        .iter()
        .map(|row| number(row, if unit == "hour" { "/seconds" } else { "/quantity" }))
        .collect::<Result<Vec<_>>>()?;
    let sum: f64 = quantities.iter().sum::<f64>() / if unit == "hour" { 3600.0 } else { 1.0 };
    let (quantity, price) = (number(&explained, "/quantity")?, number(&explained, "/rate/charge/price")?);
    ensure!((sum - quantity).abs() < 1e-9, "{name}: the raw rows add up to {sum}, the line says {quantity}");
    let amount = number(line, "/amount_minor")?;
    ensure!((sum * price * 100.0 - amount).abs() <= 0.5 + 1e-9, "{name}: {sum} times {price} is not {amount} cents");
    ensure!(
        name != "forum.posts" || quantity == f64::from(POSTS),
        "{quantity} posts are billed, and {} were written",
        POSTS
    );
    let rows = if raw.len() == 1 { "row" } else { "rows" };
    guide.saw(format!(
        "{name}: {quantity:.6} {unit} at {price} = {amount} cents, proved from {} raw {rows}: equal",
        raw.len()
    ));
    raw.first().map(drop).context("a line of nothing")
}
