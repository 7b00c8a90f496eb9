//! Seller and buyer (BG-4, BG-7).

use crate::{model::Party, xml::Xml};

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Role {
    Seller,
    Buyer,
}

pub(super) fn write(xml: &mut Xml, name: &str, party: &Party, role: Role) {
    xml.group(name, |xml| {
        xml.leaf("ram:Name", &party.name);
        if let Some(registration) = &party.registration {
            xml.group("ram:SpecifiedLegalOrganization", |xml| xml.leaf("ram:ID", registration));
        }
        address(xml, party);
        if let Some(email) = &party.email {
            // EM: electronic mail, in the list of Electronic Address Schemes.
            xml.group("ram:URIUniversalCommunication", |xml| xml.leaf_with("ram:URIID", &[("schemeID", "EM")], email));
        }
        let tax_number = party.tax_number.as_ref().filter(|_| role == Role::Seller);
        for (scheme, id) in [("VA", party.vat_id.as_ref()), ("FC", tax_number)] {
            if let Some(id) = id {
                xml.group("ram:SpecifiedTaxRegistration", |xml| xml.leaf_with("ram:ID", &[("schemeID", scheme)], id));
            }
        }
    });
}

fn address(xml: &mut Xml, party: &Party) {
    let address = &party.address;
    xml.group("ram:PostalTradeAddress", |xml| {
        xml.optional("ram:PostcodeCode", address.postcode.as_deref());
        for (name, line) in ["ram:LineOne", "ram:LineTwo", "ram:LineThree"].iter().zip(&address.lines) {
            xml.leaf(name, line);
        }
        xml.leaf("ram:CityName", &address.city);
        xml.leaf("ram:CountryID", &address.country.code);
    });
}
