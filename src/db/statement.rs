//! Statements whose length depends on the data, such as inserts of many rows.
//!
//! sqlx's own builder writes `?` for `Any`, which Postgres does not read; this one writes `$1`, `$2`, ….

use std::fmt::Write as _;

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, Arguments as _, AssertSqlSafe, Encode, Type};

/// SQL in the making, and its values. Only constants of this room are pushed as text.
pub(super) struct StatementBuilder {
    sql: String,
    arguments: AnyArguments,
}

impl StatementBuilder {
    /// Starts with this text.
    pub(super) fn new(sql: &str) -> Self {
        Self { sql: sql.to_owned(), arguments: AnyArguments::default() }
    }

    /// Adds text.
    pub(super) fn push(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Adds a value.
    pub(super) fn push_bind<'t, T: Encode<'t, Any> + Type<Any>>(&mut self, value: T) -> &mut Self {
        self.arguments.add(value).expect("plain values encode");
        write!(self.sql, "${}", self.arguments.len()).expect("text takes text");
        self
    }

    /// Adds `VALUES (…), (…)`, a group for each row.
    pub(super) fn push_values<I: IntoIterator>(
        &mut self,
        rows: I,
        mut push_row: impl FnMut(Separated<'_>, I::Item),
    ) -> &mut Self {
        self.push("VALUES ");
        for (index, row) in rows.into_iter().enumerate() {
            self.push(if index == 0 { "(" } else { ", (" });
            push_row(self.separated(", "), row);
            self.push(")");
        }
        self
    }

    /// Adds values with `separator` between them.
    pub(super) fn separated(&mut self, separator: &'static str) -> Separated<'_> {
        Separated { statement: self, separator, is_first: true }
    }

    /// The statement, ready to run.
    pub(super) fn build(self) -> Query<'static, Any, AnyArguments> {
        sqlx::query_with(AssertSqlSafe(self.sql), self.arguments)
    }
}

/// A list of values in a statement.
pub(super) struct Separated<'a> {
    statement: &'a mut StatementBuilder,
    separator: &'static str,
    is_first: bool,
}

impl Separated<'_> {
    /// Adds a value to the list.
    pub(super) fn push_bind<'t, T: Encode<'t, Any> + Type<Any>>(&mut self, value: T) -> &mut Self {
        if !std::mem::take(&mut self.is_first) {
            self.statement.push(self.separator);
        }
        self.statement.push_bind(value);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_through_the_whole_statement() {
        let mut statement = StatementBuilder::new("INSERT INTO t (a, b) ");
        statement.push_values([(1_i64, "x"), (2, "y")], |mut row, (number, text)| {
            row.push_bind(number).push_bind(text.to_owned());
        });
        statement.push(" ON CONFLICT (a) DO UPDATE SET b = ").push_bind("z".to_owned());

        assert_eq!(
            statement.sql,
            "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT (a) DO UPDATE SET b = $5"
        );
        assert_eq!(statement.arguments.len(), 5);
    }
}
