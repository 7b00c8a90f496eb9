//! Settings of documents: who sells, and where the documents lie.

use super::{
    country,
    issuer::{Issuer, Vat, VatCategory},
    mapping::probes,
};
use crate::taxes::rules::{NotASeller, Seller};
use chrono::NaiveDate;
use common::{ambient::Ambient, config::Env, problem::Chain};
use invoice_document::{Address, Party, Tax, TaxCategory, Transfer};
use objects::{Bucket, bucket::Unusable};
use rust_decimal::Decimal;

/// Parts lines of an address in a setting.
const LINE_END: char = ';';

common::settings! {
    #[derive(Clone, Debug)]
    pub struct DocumentSettings {
        /// The bucket of S3 for the documents of invoices. Needed with `SELLER_NAME`.
        pub bucket: Option<String> = optional("DOCUMENTS_BUCKET"),
        /// Legal name of the company that issues the invoices. Without one no documents of invoices are made.
        pub name: Option<String> = optional("SELLER_NAME"),
        /// Its street, and up to two more lines, with semicolons between them. Needed with `SELLER_NAME`.
        pub address: Option<String> = optional("SELLER_ADDRESS"),
        /// Its postcode, if its country has them.
        pub postcode: Option<String> = optional("SELLER_POSTCODE"),
        /// Its city. Needed with `SELLER_NAME`.
        pub city: Option<String> = optional("SELLER_CITY"),
        /// Its country, a code of ISO 3166-1 alpha-2. Needed with `SELLER_NAME`.
        pub country: Option<String> = optional("SELLER_COUNTRY"),
        /// Its VAT identifier, with the prefix of its country. Needed with the VAT category `S`; must be absent with
        /// `O`.
        pub vat_id: Option<String> = optional("SELLER_VAT_ID"),
        /// Its number at its local tax office.
        pub tax_number: Option<String> = optional("SELLER_TAX_NUMBER"),
        /// Its number in a register of companies, or another one by which it is known. Needed with `SELLER_NAME`, unless
        /// it has a VAT identifier; with the VAT category `S` all the same: invoices to buyers outside of the European
        /// Union name no VAT identifier.
        pub registration: Option<String> = optional("SELLER_REGISTRATION"),
        /// Where people ask about invoices.
        pub email: Option<String> = optional("SELLER_EMAIL"),
        /// The account that invoices are paid to, without spaces (ISO 13616).
        pub iban: Option<String> = optional("SELLER_IBAN"),
        /// The bank of that account (ISO 9362).
        pub bic: Option<String> = optional("SELLER_BIC"),
        /// Whether invoices have VAT, by the codes of UNTDID 5305: `S` (they have, by the rates that operators enter, and
        /// the seller is established in the European Union), `E` (exempt, such as a small business) or `O` (outside of
        /// its scope). Needed with `SELLER_NAME`: which one is right only the seller knows.
        pub vat_category: Option<VatCategory> = optional("SELLER_VAT_CATEGORY"),
        /// Why invoices have no VAT, in the words that the law wants on each of them. Needed with the VAT categories `E` and
        /// `O`; must be absent with `S`.
        pub vat_reason: Option<String> = optional("SELLER_VAT_REASON"),
    }
}

/// An issuer of documents, and the name of their bucket.
#[derive(Clone, Debug)]
pub struct Issuing {
    pub issuer: Issuer,
    pub bucket: String,
}

impl DocumentSettings {
    /// The settings checked together, as the document of an invoice would check them; `None` inside where no documents
    /// are made.
    pub fn checked(env: &mut Env) -> Option<Option<Issuing>> {
        let settings = Self::read(env)?;
        if settings.is_absent() {
            return Some(None);
        }
        let faults: Vec<_> = settings.needed().into_iter().filter(|(_, given)| !given).collect();
        for (name, _) in &faults {
            env.fault(format!("{name} is missing: the documents of invoices need it"));
        }
        if settings.vat_category == Some(VatCategory::Standard) && settings.vat_reason.is_some() {
            let text = "SELLER_VAT_REASON must be absent with the VAT category S: an invoice without VAT says why";
            env.fault(text.to_owned());
        }
        let issuing = match settings.issuing()? {
            Ok(issuing) => issuing,
            Err(fault) => {
                env.fault(fault.to_string());
                return None;
            }
        };
        let probes = probes(&issuing.issuer, NaiveDate::default());
        if let Some(refused) = probes.iter().find_map(|probe| invoice_document::render(probe).err()) {
            env.fault(format!("SELLER_…: no invoice of this seller can be rendered: {}", Chain(&refused)));
        }
        Some(Some(issuing))
    }

    fn is_absent(&self) -> bool {
        let others = [&self.postcode, &self.vat_id, &self.tax_number, &self.registration, &self.email, &self.iban];
        let given = self.needed().into_iter().any(|(_, given)| given);
        !given && self.bic.is_none() && others.into_iter().all(Option::is_none)
    }

    fn needed(&self) -> [(&'static str, bool); 7] {
        let charged = self.vat_category == Some(VatCategory::Standard);
        [
            ("DOCUMENTS_BUCKET", self.bucket.is_some()),
            ("SELLER_NAME", self.name.is_some()),
            ("SELLER_ADDRESS", self.address.is_some()),
            ("SELLER_CITY", self.city.is_some()),
            ("SELLER_COUNTRY", self.country.is_some()),
            ("SELLER_VAT_CATEGORY", self.vat_category.is_some()),
            if charged {
                ("SELLER_VAT_ID", self.vat_id.is_some())
            } else {
                ("SELLER_VAT_REASON", self.vat_reason.is_some())
            },
        ]
    }

    /// `None` where something is missing.
    fn issuing(self) -> Option<Result<Issuing, NotASeller>> {
        let (name, country) = (self.name?, self.country?);
        let lines = self.address?.split(LINE_END).map(|line| line.trim().to_owned()).collect();
        let none = |category, reason| Vat::None { tax: Tax { category, rate: Decimal::ZERO }, reason };
        let vat = match self.vat_category? {
            VatCategory::Exempt => none(TaxCategory::Exempt, self.vat_reason?),
            VatCategory::NotSubject => none(TaxCategory::NotSubject, self.vat_reason?),
            VatCategory::Standard => match Seller::new(&country, self.vat_id.as_deref()?) {
                Ok(seller) => Vat::Charged(seller),
                Err(fault) => return Some(Err(fault)),
            },
        };
        let transfer = self.iban.map(|iban| Transfer { account_holder: name.clone(), iban, bic: self.bic });
        let country = country::of_code(&country);
        let seller = Party {
            name,
            address: Address { lines, postcode: self.postcode, city: self.city?, country },
            vat_id: self.vat_id,
            tax_number: self.tax_number,
            registration: self.registration,
            email: self.email,
        };
        Some(Ok(Issuing { issuer: Issuer { seller, transfer, vat }, bucket: self.bucket? }))
    }
}

/// Who makes documents, and where they lie.
pub struct Documents {
    pub issuer: Issuer,
    pub bucket: Bucket,
}

impl Documents {
    pub async fn open(issuing: Issuing, ambient: Ambient) -> Result<Self, Unusable> {
        let Issuing { issuer, bucket } = issuing;
        Ok(Self { issuer, bucket: Bucket::from_env(&bucket, ambient).await? })
    }
}

#[cfg(test)]
mod tests;
