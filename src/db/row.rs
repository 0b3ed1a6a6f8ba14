//! Reading typed values out of rows.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::DatabaseError;
use crate::domain::{Digest, Timestamp, Version};

/// Typed columns of a row; every failure names the column.
pub(super) trait Columns {
    fn text(&self, column: &'static str) -> Result<String, DatabaseError>;
    fn text_or_null(&self, column: &'static str) -> Result<Option<String>, DatabaseError>;
    fn number(&self, column: &'static str) -> Result<i64, DatabaseError>;
    fn number_or_null(&self, column: &'static str) -> Result<Option<i64>, DatabaseError>;
    fn bytes(&self, column: &'static str) -> Result<Vec<u8>, DatabaseError>;

    fn flag(&self, column: &'static str) -> Result<bool, DatabaseError> {
        Ok(self.number(column)? != 0)
    }

    fn size(&self, column: &'static str) -> Result<u64, DatabaseError> {
        u64::try_from(self.number(column)?).map_err(|error| corrupt(column, error))
    }

    fn time(&self, column: &'static str) -> Result<Timestamp, DatabaseError> {
        Ok(Timestamp::from_micros(self.number(column)?))
    }

    fn time_or_null(&self, column: &'static str) -> Result<Option<Timestamp>, DatabaseError> {
        Ok(self.number_or_null(column)?.map(Timestamp::from_micros))
    }

    fn digest(&self, column: &'static str) -> Result<Digest, DatabaseError> {
        let bytes: [u8; 32] =
            self.bytes(column)?.try_into().map_err(|_| corrupt(column, "it is not 32 bytes"))?;
        Ok(Digest::from_bytes(bytes))
    }

    fn parsed<T: std::str::FromStr>(&self, column: &'static str) -> Result<T, DatabaseError>
    where
        T::Err: std::fmt::Display,
    {
        self.text(column)?.parse().map_err(|error| corrupt(column, error))
    }

    fn json<T: serde::de::DeserializeOwned>(&self, column: &'static str) -> Result<T, DatabaseError> {
        serde_json::from_str(&self.text(column)?).map_err(|error| corrupt(column, error))
    }
}

impl Columns for AnyRow {
    fn text(&self, column: &'static str) -> Result<String, DatabaseError> {
        Ok(self.try_get(column)?)
    }

    fn text_or_null(&self, column: &'static str) -> Result<Option<String>, DatabaseError> {
        Ok(self.try_get(column)?)
    }

    fn number(&self, column: &'static str) -> Result<i64, DatabaseError> {
        Ok(self.try_get(column)?)
    }

    fn number_or_null(&self, column: &'static str) -> Result<Option<i64>, DatabaseError> {
        Ok(self.try_get(column)?)
    }

    fn bytes(&self, column: &'static str) -> Result<Vec<u8>, DatabaseError> {
        Ok(self.try_get(column)?)
    }
}

/// A stored value that cannot be read back.
pub(super) fn corrupt(what: &'static str, problem: impl std::fmt::Display) -> DatabaseError {
    DatabaseError::Corrupt { what, problem: problem.to_string() }
}

/// The JSON text of a value that is ours to write.
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("our own types have text keys only")
}

/// A size as the database holds it.
pub(super) fn as_number(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// A byte string that sorts as semantic versions do, on both databases.
///
/// Three numbers of eight big-endian bytes, then `0xFF` for a release, or for a pre-release each identifier as
/// `0x01` and eight bytes (numeric) or `0x02`, text and `0x00` (alphanumeric), ended by `0x00`.
pub(super) fn version_key(version: &Version) -> Vec<u8> {
    let version = version.as_semver();
    let mut key = Vec::with_capacity(40);
    for number in [version.major, version.minor, version.patch] {
        key.extend_from_slice(&number.to_be_bytes());
    }
    if version.pre.is_empty() {
        key.push(0xFF);
        return key;
    }
    for identifier in version.pre.split('.') {
        match identifier.parse::<u64>() {
            Ok(number) => {
                key.push(0x01);
                key.extend_from_slice(&number.to_be_bytes());
            }
            Err(_) => {
                key.push(0x02);
                key.extend_from_slice(identifier.as_bytes());
                key.push(0x00);
            }
        }
    }
    key.push(0x00);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_keys_sort_as_the_specification_orders_versions() {
        let ordered = [
            "0.9.9",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.9.0",
            "1.10.0",
            "2.0.0-0",
            "2.0.0-a",
            "2.0.0-a-b",
            "2.0.0",
        ];

        let keys: Vec<_> = ordered.iter().map(|text| version_key(&text.parse().unwrap())).collect();

        for pair in keys.windows(2) {
            assert!(pair[0] < pair[1], "{pair:?}");
        }
    }
}
