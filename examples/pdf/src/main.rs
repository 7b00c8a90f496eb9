//! The binary of the PDF product.

service_kit::binary!(product_kit::Run<pdf::Pdf>);
