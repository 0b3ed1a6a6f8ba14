//! Arithmetic expressions: parsed by precedence climbing and evaluated as they are read.
//!
//! From loosest to tightest: `+ -`, `* / %` (also `//`, division rounded down), unary `+ -`,
//! `^` (to the right, also `**`), postfix `!`. Names are constants, variables or functions.

use std::collections::BTreeMap;
use std::fmt;

use crate::functions;

/// The longest expression, in bytes.
pub const MAX_LENGTH: usize = 4096;
/// How deep parentheses, signs and powers may nest.
const MAX_DEPTH: usize = 100;

/// Values by name.
pub type Variables = BTreeMap<String, f64>;

/// What is wrong with an expression, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// Place of the fault in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column, self.problem)
    }
}

impl std::error::Error for Error {}

/// The value of `text`.
pub fn evaluate(text: &str, variables: &Variables) -> Result<f64, Error> {
    if text.len() > MAX_LENGTH {
        let problem = format!("the expression has {} bytes; at most {MAX_LENGTH} are allowed", text.len());
        return Err(Error { column: 1, problem });
    }
    let tokens = read_tokens(text)?;
    let mut parser = Parser { tokens: &tokens, next: 0, variables, depth: 0 };
    let value = parser.sum()?;
    match parser.peek() {
        Token::End => Ok(value),
        Token::Symbol(")") => Err(parser.error_here("this parenthesis was never opened")),
        other => Err(parser.error_here(format!("expected an operator or the end, found {other}"))),
    }
}

/// The shortest text that reads back as `value`; without a fraction when there is none.
pub fn to_text(value: f64) -> String {
    let value = if value == 0.0 { 0.0 } else { value };
    if value != 0.0 && !(1e-6..1e21).contains(&value.abs()) { format!("{value:e}") } else { format!("{value}") }
}

/// `value` as JSON: whole numbers as integers as long as that is exact.
pub fn to_json(value: f64) -> serde_json::Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT { (value as i64).into() } else { value.into() }
}

#[derive(Debug, Clone, PartialEq)]
enum Token<'a> {
    Number(f64),
    Name(&'a str),
    Symbol(&'static str),
    End,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value) => write!(f, "the number {}", to_text(*value)),
            Self::Name(name) => write!(f, "the name {name:?}"),
            Self::Symbol(symbol) => write!(f, "`{symbol}`"),
            Self::End => f.write_str("the end"),
        }
    }
}

/// Longest first, so that `**` is not read as two `*`.
const SYMBOLS: [(&str, &str); 13] = [
    ("**", "^"), ("//", "//"), ("+", "+"), ("-", "-"), ("*", "*"), ("/", "/"), ("%", "%"), ("^", "^"),
    ("!", "!"), ("(", "("), (")", ")"), (",", ","), ("×", "*"),
];

fn read_tokens(text: &str) -> Result<Vec<(usize, Token<'_>)>, Error> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut column = 1;
    loop {
        let trimmed = rest.trim_start();
        column += rest[..rest.len() - trimmed.len()].chars().count();
        rest = trimmed;
        let Some(first) = rest.chars().next() else { break };
        let (length, token) = if first.is_ascii_digit() || first == '.' {
            read_number(rest, column)?
        } else if first.is_alphabetic() || first == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            (length, Token::Name(&rest[..length]))
        } else if let Some((written, symbol)) = SYMBOLS.iter().find(|(written, _)| rest.starts_with(written)) {
            (written.len(), Token::Symbol(symbol))
        } else {
            return Err(Error { column, problem: format!("{first:?} means nothing here") });
        };
        tokens.push((column, token));
        column += rest[..length].chars().count();
        rest = &rest[length..];
    }
    tokens.push((column, Token::End));
    Ok(tokens)
}

fn read_number(text: &str, column: usize) -> Result<(usize, Token<'_>), Error> {
    let bytes = text.as_bytes();
    if let Some((digits, base)) = prefixed(text) {
        let length = 2 + digits.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        let written = text[2..length].replace('_', "");
        return match u64::from_str_radix(&written, base) {
            Ok(value) => Ok((length, Token::Number(value as f64))),
            Err(_) => Err(Error { column, problem: format!("{:?} is not a number in base {base}", &text[..length]) }),
        };
    }
    let digits = |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit() || **b == b'_').count();
    let mut length = digits(0);
    if bytes.get(length) == Some(&b'.') {
        length = digits(length + 1);
    }
    if matches!(bytes.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        if bytes.get(length + 1 + sign).is_some_and(u8::is_ascii_digit) {
            length = digits(length + 1 + sign);
        }
    }
    let written = text[..length].replace('_', "");
    match written.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((length, Token::Number(value))),
        _ => Err(Error { column, problem: format!("{:?} is not a number", &text[..length]) }),
    }
}

fn prefixed(text: &str) -> Option<(&str, u32)> {
    let base = match text.as_bytes() {
        [b'0', b'x', ..] => 16,
        [b'0', b'o', ..] => 8,
        [b'0', b'b', ..] => 2,
        _ => return None,
    };
    Some((&text[2..], base))
}

struct Parser<'a> {
    tokens: &'a [(usize, Token<'a>)],
    next: usize,
    variables: &'a Variables,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> &Token<'a> {
        &self.tokens[self.next].1
    }

    fn column(&self) -> usize {
        self.tokens[self.next].0
    }

    fn advance(&mut self) {
        self.next = (self.next + 1).min(self.tokens.len() - 1);
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Token::Symbol(next) if *next == symbol);
        if found {
            self.advance();
        }
        found
    }

    fn error_here(&self, problem: impl Into<String>) -> Error {
        Error { column: self.column(), problem: problem.into() }
    }

    fn sum(&mut self) -> Result<f64, Error> {
        let mut value = self.product()?;
        loop {
            let column = self.column();
            value = if self.take("+") {
                value + self.product()?
            } else if self.take("-") {
                value - self.product()?
            } else {
                return Ok(value);
            };
            finite(value, column)?;
        }
    }

    fn product(&mut self) -> Result<f64, Error> {
        let mut value = self.signed()?;
        loop {
            let column = self.column();
            let symbol = match self.peek() {
                Token::Symbol(symbol @ ("*" | "/" | "//" | "%")) => *symbol,
                _ => return Ok(value),
            };
            self.advance();
            let right = self.signed()?;
            if right == 0.0 && symbol != "*" {
                return Err(Error { column, problem: "division by zero".into() });
            }
            value = match symbol {
                "*" => value * right,
                "/" => value / right,
                "//" => (value / right).floor(),
                _ => value - right * (value / right).floor(),
            };
            finite(value, column)?;
        }
    }

    fn signed(&mut self) -> Result<f64, Error> {
        self.deeper(|parser| {
            if parser.take("-") {
                parser.signed().map(|value| -value)
            } else if parser.take("+") {
                parser.signed()
            } else {
                parser.power()
            }
        })
    }

    /// The exponent may carry a sign (`2^-1`), and `-2^2` is `-(2^2)`.
    fn power(&mut self) -> Result<f64, Error> {
        let base = self.postfix()?;
        let column = self.column();
        if !self.take("^") {
            return Ok(base);
        }
        let value = base.powf(self.signed()?);
        if value.is_nan() {
            return Err(Error { column, problem: "a negative number has no such power".into() });
        }
        finite(value, column)
    }

    fn postfix(&mut self) -> Result<f64, Error> {
        let mut value = self.atom()?;
        loop {
            let column = self.column();
            if !self.take("!") {
                return Ok(value);
            }
            value = functions::factorial(value).map_err(|problem| Error { column, problem })?;
        }
    }

    fn atom(&mut self) -> Result<f64, Error> {
        let column = self.column();
        match self.peek().clone() {
            Token::Number(value) => {
                self.advance();
                Ok(value)
            }
            Token::Name(name) => {
                self.advance();
                if self.take("(") { self.call(name, column) } else { self.named(name, column) }
            }
            Token::Symbol("(") => {
                self.advance();
                let value = self.deeper(Self::sum)?;
                self.close(column)?;
                Ok(value)
            }
            Token::End => Err(self.error_here("the expression ends where a number is expected")),
            other => Err(self.error_here(format!("expected a number, found {other}"))),
        }
    }

    fn call(&mut self, name: &str, column: usize) -> Result<f64, Error> {
        let mut arguments = Vec::new();
        if !self.take(")") {
            loop {
                arguments.push(self.deeper(Self::sum)?);
                if !self.take(",") {
                    break;
                }
            }
            self.close(column)?;
        }
        let value = functions::call(name, &arguments).map_err(|problem| Error { column, problem })?;
        finite(value, column)
    }

    fn named(&self, name: &str, column: usize) -> Result<f64, Error> {
        if let Some(value) = self.variables.get(name) {
            return Ok(*value);
        }
        functions::constant(name).ok_or_else(|| {
            let problem = if functions::exists(name) {
                format!("{name} is a function; write {name}(…)")
            } else {
                format!("{name:?} is neither a constant nor one of the variables given")
            };
            Error { column, problem }
        })
    }

    fn close(&mut self, opened_at: usize) -> Result<(), Error> {
        if self.take(")") {
            return Ok(());
        }
        let found = self.peek();
        Err(self.error_here(format!("expected `)` to close what column {opened_at} opened, found {found}")))
    }

    fn deeper<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth == MAX_DEPTH {
            return Err(self.error_here(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        let result = step(self);
        self.depth -= 1;
        result
    }
}

fn finite(value: f64, column: usize) -> Result<f64, Error> {
    if value.is_finite() { Ok(value) } else { Err(Error { column, problem: "the result is too large".into() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> f64 {
        evaluate(text, &Variables::new()).unwrap()
    }

    fn problem(text: &str) -> String {
        evaluate(text, &Variables::new()).unwrap_err().to_string()
    }

    #[test]
    fn operators_bind_as_in_mathematics() {
        assert_eq!(value("1 + 2 * 3"), 7.0);
        assert_eq!(value("10 - 4 - 3"), 3.0);
        assert_eq!(value("2 ^ 3 ^ 2"), 512.0);
        assert_eq!(value("-2 ^ 2"), -4.0);
        assert_eq!(value("2 ^ -1"), 0.5);
        assert_eq!(value("2 * -3"), -6.0);
        assert_eq!(value("3!!"), 720.0);
        assert_eq!(value("-7 // 2"), -4.0);
        assert_eq!(value("-7 % 3"), 2.0);
        assert_eq!(value("2 ** 10"), 1024.0);
    }

    #[test]
    fn numbers_are_read_in_every_usual_form() {
        assert_eq!(value("1_000 + .5 + 5."), 1005.5);
        assert_eq!(value("1.5e3 + 2E-1"), 1500.2);
        assert_eq!(value("0xff + 0b101 + 0o17"), 275.0);
        assert_eq!(problem("0xfg"), "column 1: \"0xfg\" is not a number in base 16");
        assert_eq!(problem("."), "column 1: \".\" is not a number");
    }

    #[test]
    fn faults_are_named_with_their_place() {
        assert_eq!(problem("2 +"), "column 4: the expression ends where a number is expected");
        assert_eq!(problem("(1 + 2"), "column 7: expected `)` to close what column 1 opened, found the end");
        assert_eq!(problem("1 + 2)"), "column 6: this parenthesis was never opened");
        assert_eq!(problem("3 $ 4"), "column 3: '$' means nothing here");
        assert_eq!(problem("2 3"), "column 3: expected an operator or the end, found the number 3");
        assert_eq!(problem("1 / (2 - 2)"), "column 3: division by zero");
        assert_eq!(problem("speed * 2"), "column 1: \"speed\" is neither a constant nor one of the variables given");
        assert_eq!(problem("sin * 2"), "column 1: sin is a function; write sin(…)");
        assert_eq!(problem("9 ^ 999 ^ 9"), "column 3: the result is too large");
        assert_eq!(problem("(-8) ^ 0.5"), "column 6: a negative number has no such power");
    }

    #[test]
    fn nesting_and_length_are_bounded() {
        assert!(problem(&"(".repeat(3000)).contains("nested deeper than 100"));
        assert!(problem(&"-".repeat(3000)).contains("nested deeper than 100"));
        assert!(problem(&"1+".repeat(3000)).contains("at most 4096"));
    }

    #[test]
    fn results_are_written_as_short_as_they_can_be() {
        assert_eq!(to_text(0.1 + 0.2), "0.30000000000000004");
        assert_eq!(to_text(14.0), "14");
        assert_eq!(to_text(-0.0), "0");
        assert_eq!(to_text(1e300), "1e300");
        assert_eq!(to_json(2.0), serde_json::json!(2));
        assert_eq!(to_json(2.5), serde_json::json!(2.5));
    }
}
