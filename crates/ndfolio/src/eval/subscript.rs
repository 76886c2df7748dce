//! What stands between the brackets behind an array.

use ndfolio_layout::{Index, Selection, Slice};

use super::{
    EvalError, Expr, Node, Number, Span,
    names::is_numpy,
    parse::{Parser, Read},
    token::Token,
};

/// What an index may be.
const PARTS: &str = "a whole number, a slice, '...', None or a field's name in quotes";

impl Parser<'_> {
    /// An array with the index behind it; the bracket is the next token.
    pub(super) fn subscript(&mut self, object: Expr) -> Read<Expr> {
        let (start, open) = (object.span().start, self.span);
        self.advance()?;
        let object = Box::new(object);
        let node = match self.token {
            Token::Text(_) => Node::Field(object, self.field(open)?),
            Token::Sign("(") => Node::Index(object, self.empty(open)?),
            Token::Sign("]") => return Err(self.expected(PARTS)),
            _ => {
                let (parts, _) = self.items(open, "]", Self::part)?;
                Node::Index(object, Selection::from(parts))
            }
        };
        self.expr(start, node)
    }

    /// The name of a field, which is the next token, and the bracket behind it.
    fn field(&mut self, open: Span) -> Read<String> {
        let name = self.advance()?;
        if self.at(",") {
            return Err(self.wrong(self.span, "a field's name stands alone in its brackets: x['a'][0]"));
        }
        self.close(open)?;
        Ok(if let Token::Text(name) = name { name } else { String::new() })
    }

    fn close(&mut self, open: Span) -> Read<()> {
        if self.take("]")? { Ok(()) } else { Err(self.unclosed(open, "]")) }
    }

    /// `()`: the index without parts.
    fn empty(&mut self, open: Span) -> Read<Selection> {
        self.advance()?;
        if !self.at(")") {
            return Err(self.no_part());
        }
        self.advance()?;
        self.close(open)?;
        Ok(Selection::all())
    }

    /// One part of an index.
    fn part(&mut self) -> Read<Index> {
        let part = match self.token {
            Token::Sign("...") => {
                self.advance()?;
                Index::Ellipsis
            }
            Token::Word(word) => {
                self.new_axis(word)?;
                Index::NewAxis
            }
            _ => self.numbers()?,
        };
        match self.token {
            Token::Sign("," | "]" | ")") | Token::End => Ok(part),
            _ => Err(self.no_part()),
        }
    }

    /// `None`, `newaxis` or `np.newaxis`.
    fn new_axis(&mut self, word: &str) -> Read<()> {
        let span = self.span;
        if !is_numpy(word) && !matches!(word, "None" | "newaxis") {
            return Err(self.no_part());
        }
        self.advance()?;
        if is_numpy(word) && !(self.at(".") && self.behind_point()?.text == "newaxis") {
            return Err(self.wrong(self.since(span.start), format!("expected {PARTS}")));
        }
        Ok(())
    }

    /// A whole number or a slice.
    fn numbers(&mut self) -> Read<Index> {
        let first = self.bound()?;
        if !self.take(":")? {
            return first.map(Index::At).ok_or_else(|| self.no_part());
        }
        let stop = self.bound()?;
        let mut slice = Slice { start: first, stop, step: None };
        if self.take(":")? {
            let span = self.span;
            slice.step = self.bound()?;
            if slice.step == Some(0) {
                return Err(self.wrong(self.since(span.start), "slice step cannot be zero"));
            }
        }
        Ok(Index::Slice(slice))
    }

    /// A whole number with a sign or without, if there is one.
    fn bound(&mut self) -> Read<Option<i64>> {
        let start = self.span.start;
        let negative = self.at("-");
        let signed = negative || self.at("+");
        if signed {
            self.advance()?;
        }
        let Token::Number(number) = self.token else {
            return if signed { Err(self.expected("a whole number")) } else { Ok(None) };
        };
        let Number::Int(number) = number else {
            return Err(self.expected("a whole number"));
        };
        self.advance()?;
        let number = if negative { -number } else { number };
        let beyond = || self.wrong(self.since(start), "no axis has so many items");
        i64::try_from(number).map(Some).map_err(|_| beyond())
    }

    fn no_part(&self) -> EvalError {
        let way_out = match self.token {
            Token::Word(_) => "; by a condition where(condition, a, b) chooses",
            Token::Text(_) => "; a field's name stands alone in its brackets",
            Token::Sign("(" | "[") => "; neither lists nor tuples choose items",
            _ => "; numbers are written out",
        };
        self.wrong(self.span, format!("expected {PARTS}, found {}{way_out}", self.found()))
    }
}
