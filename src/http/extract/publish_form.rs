//! The multipart body of a publish or an inspection: `package` streamed to a file, small parts bounded.

use std::time::Duration;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderValue};
use futures::StreamExt as _;

use super::body::{BodyClock, content_length, limits_of};
use crate::http::error::Problem;
use crate::registry::{Registry, UploadedPackage};
use crate::signing::ENVELOPE_MAX_BYTES;

/// What a multipart body may weigh beside the package itself.
const ENVELOPE_OF_FORM_BYTES: u64 = 1024 * 1024;
/// The longest a switch such as `accept_widening` may be.
const SWITCH_MAX_BYTES: usize = 256;

/// The parts of a publish.
#[derive(Default)]
pub struct PublishForm {
    /// The package, in a temporary file.
    pub package: Option<UploadedPackage>,
    /// The author's signed statement, as sent.
    pub attestation: Option<Vec<u8>>,
    /// Whether the author agrees that it asks for more than the release before.
    pub accept_widening: bool,
    /// The profile to inspect against, when not the manifest's own (`POST /api/v1/inspect`).
    pub profile: Option<String>,
}

impl PublishForm {
    /// Reads the whole body of `request`.
    pub async fn read(request: &HttpRequest, payload: Payload, registry: &Registry) -> Result<Self, Problem> {
        let limits = limits_of(request);
        let most = limits.package_bytes;
        if content_length(request).is_some_and(|length| length > most + ENVELOPE_OF_FORM_BYTES) {
            return Err(too_large(most));
        }
        let mut reader = FormReader {
            clock: BodyClock::start(Duration::from_millis(limits.body_timeout_ms)),
            registry,
            form: Self::default(),
        };
        let mut parts = Multipart::new(request.headers(), payload);
        while let Some(part) = reader.clock.wait(parts.next()).await? {
            reader.take(part.map_err(malformed)?).await?;
        }
        Ok(reader.form)
    }

    /// The package, which is never optional.
    pub fn take_package(&mut self) -> Result<UploadedPackage, Problem> {
        self.package.take().ok_or_else(|| missing("package", "the .wasm file"))
    }

    /// The attestation, which a publish needs.
    pub fn take_attestation(&mut self) -> Result<Vec<u8>, Problem> {
        self.attestation.take().ok_or_else(|| missing("attestation", "the signed statement (DSSE JSON)"))
    }
}

struct FormReader<'a> {
    clock: BodyClock,
    registry: &'a Registry,
    form: PublishForm,
}

impl FormReader<'_> {
    async fn take(&mut self, part: Field) -> Result<(), Problem> {
        match part.name().unwrap_or_default() {
            "package" if self.form.package.is_some() => Err(repeated("package")),
            "package" => self.take_package(part).await,
            "attestation" if self.form.attestation.is_some() => Err(repeated("attestation")),
            "attestation" => {
                self.form.attestation = Some(self.small(part, "attestation", ENVELOPE_MAX_BYTES).await?);
                Ok(())
            }
            "accept_widening" => {
                let text = self.small(part, "accept_widening", SWITCH_MAX_BYTES).await?;
                self.form.accept_widening = matches!(text.as_slice(), b"true" | b"1" | b"yes");
                Ok(())
            }
            "profile" => {
                let text = self.small(part, "profile", SWITCH_MAX_BYTES).await?;
                self.form.profile = Some(String::from_utf8_lossy(&text).into_owned());
                Ok(())
            }
            other => Err(Problem::new(
                "part-unknown",
                format!("the form has a part {:?} that nothing reads", shortened(other)),
            )
            .mend("Send the parts `package`, `attestation` and, if need be, `accept_widening`.")),
        }
    }

    async fn take_package(&mut self, mut part: Field) -> Result<(), Problem> {
        let mut upload = self.registry.start_upload()?;
        while let Some(piece) = self.clock.wait(part.next()).await? {
            let piece = piece.map_err(malformed)?;
            self.clock.received(piece.len());
            upload.write(&piece).map_err(|error| Problem::from(error).closing())?;
        }
        self.form.package = Some(upload.finish());
        Ok(())
    }

    async fn small(&mut self, mut part: Field, name: &str, most: usize) -> Result<Vec<u8>, Problem> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.clock.wait(part.next()).await? {
            let piece = piece.map_err(malformed)?;
            self.clock.received(piece.len());
            if bytes.len() + piece.len() > most {
                let code = if name == "attestation" { "attestation-too-large" } else { "body-too-large" };
                let problem = Problem::new(code, format!("the part `{name}` is larger than {most} bytes"));
                return Err(problem.closing());
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

fn too_large(most: u64) -> Problem {
    Problem::from(crate::registry::UploadError::TooLarge { most_bytes: most }).closing()
}

fn missing(name: &str, what: &str) -> Problem {
    Problem::new("part-missing", format!("the form has no part `{name}`: {what}"))
        .mend("Send multipart/form-data with the parts `package` and `attestation`.")
}

fn repeated(name: &str) -> Problem {
    Problem::new("part-repeated", format!("the form has more than one part `{name}`"))
}

fn malformed(error: MultipartError) -> Problem {
    let problem = match error {
        MultipartError::ContentTypeMissing
        | MultipartError::ContentTypeParse
        | MultipartError::ContentTypeIncompatible => {
            Problem::new("unsupported-media-type", "this address takes a multipart/form-data body")
        }
        other => Problem::new("malformed-multipart", format!("the multipart body cannot be read: {other}")),
    };
    problem.mend("With curl: -F package=@plugin.wasm -F attestation=@attestation.json").closing()
}

impl Problem {
    /// The body was not read to its end, so the connection cannot be used again.
    fn closing(self) -> Self {
        self.header(header::CONNECTION, HeaderValue::from_static("close"))
    }
}
