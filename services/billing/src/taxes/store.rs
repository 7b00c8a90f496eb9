//! SQL of the taxes of invoices, and of what they are made from. They are written with their invoice.

use super::{InvoiceTax, TaxCategory, TaxPart, computing::Taxable, rules::Buyer};
use crate::{
    accounts::{country::Country, vat_id::VatId},
    calendar::Span,
};
use chrono::NaiveDate;
use common::db::TenantTx;
use rust_decimal::Decimal;
use sqlx::types::Json;
use uuid::Uuid;

/// Who buys, and the rates of its country.
pub struct Basis {
    /// The revision of the account's details; 0 without any.
    pub revision: i32,
    pub buyer: Option<Buyer>,
    /// In the order of their dates.
    pub rates: Vec<KnownRate>,
}

pub struct KnownRate {
    pub id: Uuid,
    pub tax_group: String,
    pub percent: Decimal,
    pub valid_from: NaiveDate,
}

/// In one statement.
pub async fn basis(tx: &mut TenantTx) -> sqlx::Result<Basis> {
    let rows = sqlx::query!(
        r#"SELECT d.revision, d.country AS "country: Country", d.vat_id AS "vat_id: VatId", r.id AS "id?",
             r.tax_group AS "tax_group?", r.percent AS "percent?", r.valid_from AS "valid_from?"
           FROM account_details d LEFT JOIN tax_rate r ON r.country = d.country AND r.revoked_at IS NULL
           WHERE d.tenant_id = $1 ORDER BY r.valid_from"#,
        tx.tenant().0
    );
    let mut basis = Basis { revision: 0, buyer: None, rates: Vec::new() };
    for row in rows.fetch_all(&mut **tx).await? {
        basis.revision = row.revision;
        basis.buyer = Some(Buyer { country: row.country, vat_id: row.vat_id });
        let rate = (|| {
            let (id, tax_group, percent) = (row.id?, row.tax_group?, row.percent?);
            Some(KnownRate { id, tax_group, percent, valid_from: row.valid_from? })
        })();
        basis.rates.extend(rate);
    }
    Ok(basis)
}

/// Of an invoice, the highest rate of a category first; none where the seller charged no VAT.
pub async fn list(tx: &mut TenantTx, invoice: Uuid) -> sqlx::Result<Vec<InvoiceTax>> {
    let taxes = sqlx::query_as!(
        InvoiceTax,
        r#"SELECT category AS "category: TaxCategory", country AS "country: Country", percent, taxable_minor, tax_minor,
             reason, buyer_vat_id, parts AS "parts: Json<Vec<TaxPart>>"
           FROM invoice_tax WHERE tenant_id = $1 AND invoice_id = $2 ORDER BY position"#,
        tx.tenant().0,
        invoice
    );
    taxes.fetch_all(&mut **tx).await
}

/// What the lines of an invoice come to, by group and period.
pub async fn taxable(tx: &mut TenantTx, invoice: Uuid) -> sqlx::Result<Vec<Taxable>> {
    let lines = sqlx::query!(
        r#"SELECT r.tax_group, l.period_start, l.period_end, sum(l.amount_minor)::bigint AS "amount_minor!"
           FROM invoice_line l JOIN rate r ON r.id = l.rate_id WHERE l.tenant_id = $1 AND l.invoice_id = $2
           GROUP BY r.tax_group, l.period_start, l.period_end"#,
        tx.tenant().0,
        invoice
    );
    let lines = lines.fetch_all(&mut **tx).await?.into_iter().map(|row| Taxable {
        tax_group: row.tax_group,
        period: Span { from: row.period_start, until: row.period_end },
        amount_minor: row.amount_minor,
    });
    Ok(lines.collect())
}

/// What these rates are, and of which country and group.
pub async fn rates(tx: &mut TenantTx, ids: &[Uuid]) -> sqlx::Result<Vec<(Uuid, Country, String, Decimal)>> {
    let rates = sqlx::query!(
        r#"SELECT id, country AS "country: Country", tax_group, percent FROM tax_rate WHERE id = ANY($1)"#,
        ids
    );
    let rates = rates.fetch_all(&mut **tx).await?.into_iter();
    Ok(rates.map(|row| (row.id, row.country, row.tax_group, row.percent)).collect())
}

/// The VAT of an invoice, and its own period.
pub async fn stated(tx: &mut TenantTx, invoice: Uuid) -> sqlx::Result<(i64, Span)> {
    let stated = sqlx::query!(
        "SELECT tax_minor, period_start, period_end FROM invoice WHERE tenant_id = $1 AND id = $2",
        tx.tenant().0,
        invoice
    );
    let row = stated.fetch_one(&mut **tx).await?;
    Ok((row.tax_minor, Span { from: row.period_start, until: row.period_end }))
}
