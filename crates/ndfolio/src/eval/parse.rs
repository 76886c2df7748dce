//! Text to tree: one token of lookahead, operators by how tightly they bind.

use std::{collections::HashSet, mem};

use super::{
    Arguments, BinaryOp, Binding, EvalError, Expr, MAX_HEIGHT, MAX_LEN, MAX_NESTING, Name, Node, Program,
    Span, UnaryOp,
    error::{place, quoted},
    names::{is_keyword, is_numpy, of_numpy},
    token::{Lexer, Token},
    tree::Level,
};

/// What is read, or why not.
pub(super) type Read<T> = Result<T, EvalError>;

impl Program {
    /// Reads a program: bindings `name = value`, separated by `;` or line breaks, and the result behind them.
    ///
    /// # Errors
    /// Text that is no program, with the place.
    pub fn parse(text: &str) -> Result<Self, EvalError> {
        if text.len() > MAX_LEN {
            let reason = format!("the text has {} bytes, more than {MAX_LEN}", text.len());
            return Err(EvalError::new(text, Span::default(), reason));
        }
        let (bindings, result) = Parser::new(text)?.program()?;
        Ok(Program { text: text.to_owned(), bindings, result })
    }
}

pub(super) struct Parser<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    /// The token that comes next, and where it stands.
    pub(super) token: Token<'a>,
    pub(super) span: Span,
    /// Where the token before it ended.
    end: usize,
    nesting: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Read<Self> {
        let mut lexer = Lexer::new(text);
        let (token, span) = lexer.next()?;
        Ok(Parser { text, lexer, token, span, end: 0, nesting: 0 })
    }

    pub(super) fn advance(&mut self) -> Read<Token<'a>> {
        let (token, span) = self.lexer.next()?;
        self.end = self.span.end;
        self.span = span;
        Ok(mem::replace(&mut self.token, token))
    }

    pub(super) fn at(&self, sign: &'static str) -> bool {
        self.token == Token::Sign(sign)
    }

    /// Goes on if the next token is this sign.
    pub(super) fn take(&mut self, sign: &'static str) -> Read<bool> {
        let found = self.at(sign);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(super) fn wrong(&self, span: Span, message: impl Into<String>) -> EvalError {
        EvalError::new(self.text, span, message)
    }

    /// An error at the next token.
    pub(super) fn expected(&self, what: &str) -> EvalError {
        self.wrong(self.span, format!("expected {what}, found {}", self.found()))
    }

    pub(super) fn found(&self) -> String {
        match self.token {
            Token::End => "the end of the expression".to_owned(),
            Token::Line => "the end of the line".to_owned(),
            Token::Text(_) => "text".to_owned(),
            _ => quoted(&self.text[self.span.start..self.span.end]),
        }
    }

    /// From a place to the end of the token before the next.
    pub(super) fn since(&self, start: usize) -> Span {
        Span { start, end: self.end }
    }

    /// A node of the tree from a place to here.
    pub(super) fn expr(&self, start: usize, node: Node) -> Read<Expr> {
        let expr = Expr::new(self.since(start), node);
        if expr.height() > MAX_HEIGHT {
            let reason = format!(
                "more than {MAX_HEIGHT} operations one upon the other; give a part of it a name: m = …; m + …"
            );
            return Err(self.wrong(expr.span(), reason));
        }
        Ok(expr)
    }

    fn enter(&mut self) -> Read<()> {
        self.nesting += 1;
        if self.nesting <= MAX_NESTING {
            return Ok(());
        }
        Err(self.wrong(self.span, format!("nested deeper than {MAX_NESTING}")))
    }

    fn leave(&mut self) {
        self.nesting -= 1;
    }

    fn program(mut self) -> Read<(Vec<Binding>, Expr)> {
        let mut bindings = Vec::new();
        loop {
            self.separators()?;
            if self.token == Token::End && !bindings.is_empty() {
                let reason = "expected the result behind the last name; write it once more: m = …; m";
                return Err(self.wrong(self.span, reason));
            }
            let expr = self.expression()?;
            if self.at("=") {
                bindings.push(self.binding(expr)?);
                continue;
            }
            self.part_ends()?;
            self.separators()?;
            if self.token == Token::End {
                return Ok((bindings, expr));
            }
            let reason = "only the last part is the result: give this one a name (m = …), or put what belongs together into brackets";
            return Err(self.wrong(expr.span(), reason));
        }
    }

    fn separators(&mut self) -> Read<()> {
        while self.at(";") || self.token == Token::Line {
            self.advance()?;
        }
        Ok(())
    }

    fn part_ends(&self) -> Read<()> {
        match self.token {
            Token::End | Token::Line | Token::Sign(";") => Ok(()),
            Token::Sign(")" | "]") => Err(self.wrong(self.span, format!("{} closes nothing", self.found()))),
            Token::Sign("=") => Err(self.wrong(self.span, "'=' gives a name a value; '==' compares")),
            Token::Sign(",") => {
                Err(self.wrong(self.span, "one array is the result; a tuple stands in brackets"))
            }
            _ => Err(self.expected("an operator or the end of the expression")),
        }
    }

    /// `= value` behind a name.
    fn binding(&mut self, target: Expr) -> Read<Binding> {
        let name = self.bare_name(&target)?;
        self.advance()?;
        let value = self.expression()?;
        self.part_ends()?;
        Ok(Binding { name, value })
    }

    /// The name that stands before a `=`, which is the next token.
    fn bare_name(&self, expr: &Expr) -> Read<Name> {
        match expr.node() {
            Node::Name(text) if expr.span().end - expr.span().start == text.len() => {
                Ok(Name { text: text.clone(), span: expr.span() })
            }
            _ => Err(self.wrong(self.span, "only a name can be given a value with '='; '==' compares")),
        }
    }

    pub(super) fn expression(&mut self) -> Read<Expr> {
        let expr = self.binary(Level::Comparison)?;
        match self.token {
            Token::Word(word) => Err(self.word_behind(expr, word)),
            _ => Ok(expr),
        }
    }

    /// What is wrong with a word behind an expression.
    fn word_behind(&mut self, left: Expr, word: &str) -> EvalError {
        let span = self.span;
        let (what, instead) = match word {
            "and" | "or" => {
                let op = if word == "and" { BinaryOp::And } else { BinaryOp::Or };
                (word, self.joined(left, op).unwrap_or_else(|| op.sign().to_owned()))
            }
            "if" => (word, self.conditional(left).unwrap_or_else(|| "where(c, a, b)".to_owned())),
            "in" | "not" => ("in", "isin(a, b)".to_owned()),
            "is" => (word, "a == b or isnan(a)".to_owned()),
            "for" => (word, "an expression of whole arrays".to_owned()),
            _ => return self.expected("an operator"),
        };
        self.wrong(span, format!("'{what}' is not defined for arrays; write {instead}"))
    }

    /// `a and b` as it is written for arrays.
    fn joined(&mut self, left: Expr, op: BinaryOp) -> Option<String> {
        self.advance().ok()?;
        let right = self.binary(Level::Comparison).ok()?;
        shown(binary_node(op, left, right))
    }

    /// `a if c else b` as it is written for arrays.
    fn conditional(&mut self, yes: Expr) -> Option<String> {
        self.advance().ok()?;
        let condition = self.binary(Level::Comparison).ok()?;
        if self.advance().ok()? != Token::Word("else") {
            return None;
        }
        let no = self.binary(Level::Comparison).ok()?;
        let function = Name { text: "where".to_owned(), span: Span::default() };
        let positional = vec![condition, yes, no];
        shown(Node::Call(function, Arguments { positional, named: Vec::new() }))
    }

    /// Operands joined by operators that bind at least as tightly as `lowest`.
    fn binary(&mut self, lowest: Level) -> Read<Expr> {
        self.enter()?;
        let mut left = self.signed()?;
        while let Some(op) = self.operator()?
            && op.level() >= lowest
        {
            self.advance()?;
            let right = self.binary(op.level().tighter())?;
            if op.level() == Level::Comparison
                && let Some(next) = self.operator()?
            {
                return Err(self.chained(left, op, right, next));
            }
            left = self.expr(left.span().start, binary_node(op, left, right))?;
        }
        self.leave();
        Ok(left)
    }

    /// The operator that comes next.
    fn operator(&self) -> Read<Option<BinaryOp>> {
        match self.token {
            Token::Sign("@") => {
                let reason =
                    "products of matrices are not computed yet; sums of products are: sum(a * b, axis=…)";
                Err(self.wrong(self.span, reason))
            }
            Token::Sign(sign) => Ok(BinaryOp::find(sign)),
            _ => Ok(None),
        }
    }

    /// What is wrong with `a < b < c`.
    fn chained(&mut self, left: Expr, op: BinaryOp, middle: Expr, next: BinaryOp) -> EvalError {
        let span = left.span();
        let end = self.span.end;
        let both = || {
            self.advance().ok()?;
            let right = self.binary(Level::Or).ok()?;
            let first = Expr::new(span, binary_node(op, left, middle.clone()));
            let second = Expr::new(span, binary_node(next, middle, right));
            shown(binary_node(BinaryOp::And, first, second))
        };
        let instead = both().unwrap_or_else(|| "(a < b) & (b < c)".to_owned());
        let span = Span { start: span.start, end };
        self.wrong(span, format!("a chain of comparisons is ambiguous for arrays; write {instead}"))
    }

    /// An operand with signs before it.
    fn signed(&mut self) -> Read<Expr> {
        let start = self.span.start;
        let Token::Sign(sign) = self.token else { return self.power() };
        let Some(op) = UnaryOp::find(sign) else { return self.power() };
        self.enter()?;
        self.advance()?;
        let operand = self.signed()?;
        self.leave();
        self.expr(start, Node::Unary(op, Box::new(operand)))
    }

    /// An operand and its exponent, which may have a sign and an exponent itself.
    fn power(&mut self) -> Read<Expr> {
        let base = self.postfix()?;
        if !self.at(BinaryOp::Power.sign()) {
            return Ok(base);
        }
        self.enter()?;
        self.advance()?;
        let exponent = self.signed()?;
        self.leave();
        self.expr(base.span().start, binary_node(BinaryOp::Power, base, exponent))
    }

    /// An operand with what follows it: attributes, calls of methods, indices.
    fn postfix(&mut self) -> Read<Expr> {
        let mut object = self.atom()?;
        loop {
            object = match self.token {
                Token::Sign(".") => self.attribute(object)?,
                Token::Sign("[") => self.subscript(object)?,
                Token::Sign("(") => {
                    let reason = "only functions and methods can be called; a product is written with '*'";
                    return Err(self.wrong(self.span, reason));
                }
                _ => return Ok(object),
            };
        }
    }

    fn attribute(&mut self, object: Expr) -> Read<Expr> {
        let start = object.span().start;
        let name = self.behind_point()?;
        let object = Box::new(object);
        let node = if self.at("(") {
            Node::Method(object, name, self.arguments()?)
        } else {
            Node::Attribute(object, name)
        };
        self.expr(start, node)
    }

    /// The name behind a point, which is the next token.
    pub(super) fn behind_point(&mut self) -> Read<Name> {
        self.advance()?;
        match self.token {
            Token::Word(word) if !is_keyword(word) => {
                let name = Name { text: word.to_owned(), span: self.span };
                self.advance()?;
                Ok(name)
            }
            _ => Err(self.expected("a name behind '.'")),
        }
    }

    fn atom(&mut self) -> Read<Expr> {
        let span = self.span;
        match self.token {
            Token::Word(word) => self.word(word),
            Token::Sign("(") => self.group(),
            Token::Sign("[") => {
                self.advance()?;
                let (items, _) = self.items(span, "]", Self::expression)?;
                self.expr(span.start, Node::List(items))
            }
            Token::Number(number) => {
                self.advance()?;
                self.expr(span.start, Node::Number(number))
            }
            Token::Text(_) => match self.advance()? {
                Token::Text(text) => self.expr(span.start, Node::Text(text)),
                _ => Err(self.expected("text")),
            },
            Token::Sign("...") => Err(self.wrong(span, "'...' stands in an index only: x[..., 0]")),
            _ => Err(self.expected("a value")),
        }
    }

    fn word(&mut self, word: &'a str) -> Read<Expr> {
        let start = self.span.start;
        if word == "not" {
            return Err(self.negation());
        }
        let node = match word {
            "None" => Node::None,
            "True" => Node::Bool(true),
            "False" => Node::Bool(false),
            _ if is_keyword(word) => {
                return Err(
                    self.wrong(self.span, format!("'{word}' is a word of Python's; expected a value"))
                );
            }
            _ => Node::Name(word.to_owned()),
        };
        let mut name = Name { text: word.to_owned(), span: self.span };
        self.advance()?;
        if is_numpy(word) {
            name = self.path(name)?;
            if !self.at("(") {
                let node = of_numpy(&name.text).map_err(|reason| self.wrong(name.span, reason))?;
                return self.expr(start, node);
            }
        }
        if self.at("(") && matches!(node, Node::Name(_)) {
            let arguments = self.arguments()?;
            return self.expr(start, Node::Call(name, arguments));
        }
        self.expr(start, node)
    }

    /// What is wrong with `not a`.
    fn negation(&mut self) -> EvalError {
        let span = self.span;
        let mut inverted = || {
            self.advance().ok()?;
            let operand = self.binary(Level::Comparison).ok()?;
            shown(Node::Unary(UnaryOp::Invert, Box::new(operand)))
        };
        let instead = inverted().unwrap_or_else(|| "~".to_owned());
        self.wrong(span, format!("'not' is not defined for arrays; write {instead}"))
    }

    /// The name behind `np.`, with that of NumPy's module before it.
    fn path(&mut self, numpy: Name) -> Read<Name> {
        if !self.at(".") {
            let reason = format!("'{0}' stands for NumPy; expected a name of it, such as {0}.pi", numpy.text);
            return Err(self.wrong(numpy.span, reason));
        }
        let mut name = self.behind_point()?;
        if name.text == "linalg" && self.at(".") {
            let inner = self.behind_point()?;
            name = Name { text: format!("linalg.{}", inner.text), span: inner.span };
        }
        Ok(Name { span: numpy.span.to(name.span), ..name })
    }

    /// Something in round brackets: an expression or a tuple.
    fn group(&mut self) -> Read<Expr> {
        let open = self.span;
        self.advance()?;
        let (mut items, comma) = self.items(open, ")", Self::expression)?;
        if items.len() != 1 || comma {
            return self.expr(open.start, Node::Tuple(items));
        }
        let mut inner = items.remove(0);
        inner.span = self.since(open.start);
        Ok(inner)
    }

    /// Items up to a closing bracket, with commas between them, and whether there was one behind the last.
    pub(super) fn items<T>(
        &mut self,
        open: Span,
        close: &'static str,
        item: impl Fn(&mut Self) -> Read<T>,
    ) -> Read<(Vec<T>, bool)> {
        let (mut items, mut comma) = (Vec::new(), false);
        while !self.take(close)? {
            if !items.is_empty() && !comma || matches!(self.token, Token::End) {
                return Err(self.unclosed(open, close));
            }
            items.push(item(self)?);
            comma = self.take(",")?;
        }
        Ok((items, comma))
    }

    pub(super) fn unclosed(&self, open: Span, close: &'static str) -> EvalError {
        let ends = matches!(self.token, Token::End | Token::Sign(")" | "]"));
        let comma = if ends { "" } else { "',' or " };
        let opening = if close == ")" { '(' } else { '[' };
        let place = place(self.text, open.start);
        self.expected(&format!("{comma}'{close}' to close the '{opening}' at {place}"))
    }

    /// What stands in the brackets of a call.
    fn arguments(&mut self) -> Read<Arguments> {
        let open = self.span;
        self.advance()?;
        let (items, _) = self.items(open, ")", Self::argument)?;
        let (mut arguments, mut names) = (Arguments::default(), HashSet::new());
        for (name, value) in items {
            match name {
                Some(name) if !names.insert(name.text.clone()) => {
                    return Err(self.wrong(name.span, format!("{} is given twice", quoted(&name.text))));
                }
                Some(name) => arguments.named.push((name, value)),
                None if names.is_empty() => arguments.positional.push(value),
                None => {
                    let reason = "a value without a name stands behind one with a name; it comes first";
                    return Err(self.wrong(value.span(), reason));
                }
            }
        }
        Ok(arguments)
    }

    fn argument(&mut self) -> Read<(Option<Name>, Expr)> {
        let value = self.expression()?;
        if !self.at("=") {
            return Ok((None, value));
        }
        let name = self.bare_name(&value)?;
        self.advance()?;
        Ok((Some(name), self.expression()?))
    }
}

fn binary_node(op: BinaryOp, left: Expr, right: Expr) -> Node {
    Node::Binary(op, Box::new(left), Box::new(right))
}

/// What to write instead, if it is short enough to be read.
fn shown(node: Node) -> Option<String> {
    let text = Expr::new(Span::default(), node).to_string();
    (text.chars().count() <= 80).then_some(text)
}
