use ndfolio_layout::Selection;

/// Where something stands in the text of a program, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
}

impl Span {
    /// From the start of one to the end of the other.
    #[must_use]
    pub fn to(self, last: Span) -> Span {
        Span { start: self.start, end: last.end }
    }
}

/// A name and where it stands, which is no part of equality.
#[derive(Clone, Debug, Eq)]
pub struct Name {
    /// The name.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Names with values, and the expression that is the result.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) text: String,
    pub(super) bindings: Vec<Binding>,
    pub(super) result: Expr,
}

impl PartialEq for Program {
    fn eq(&self, other: &Self) -> bool {
        (&self.bindings, &self.result) == (&other.bindings, &other.result)
    }
}

/// `name = value`
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// What the value is called behind this.
    pub name: Name,
    /// The value.
    pub value: Expr,
}

/// An expression and where it stands, which is no part of equality.
#[derive(Clone, Debug)]
pub struct Expr {
    pub(super) span: Span,
    pub(super) node: Node,
    height: usize,
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A number, without a sign.
    Number(Number),
    /// `True` or `False`
    Bool(bool),
    /// `None`
    None,
    /// Text in quotes: a dtype, a date.
    Text(String),
    /// `np.pi` and its like; `pi` where no array has that name, once a program is resolved.
    Constant(Constant),
    /// The name of a dtype: `np.float32`; `float` where no array has that name, once a program is resolved.
    Type(String),
    /// An array, or the name of a binding.
    Name(String),
    /// A sign before an operand.
    Unary(UnaryOp, Box<Expr>),
    /// An operator between two operands.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `function(…)`; a `np.` before the function's name is left out, as in `linalg.norm`.
    Call(Name, Arguments),
    /// `object.name(…)`
    Method(Box<Expr>, Name, Arguments),
    /// `object.name`
    Attribute(Box<Expr>, Name),
    /// `object[…]`
    Index(Box<Expr>, Selection),
    /// `object['name']`
    Field(Box<Expr>, String),
    /// `(a, b)`
    Tuple(Vec<Expr>),
    /// `[a, b]`
    List(Vec<Expr>),
}

/// A number as it is written: never negative, never infinite or NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// `12`, `1_000`, `0x1f`
    Int(i128),
    /// `1.5`, `1e-3`
    Float(f64),
    /// `2j`
    Imaginary(f64),
}

/// What stands between the brackets of a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments {
    /// The values without a name, which come first.
    pub positional: Vec<Expr>,
    /// `name=value`; no name occurs twice.
    pub named: Vec<(Name, Expr)>,
}

macro_rules! known {
    ($(#[$about:meta])* $name:ident: $type:ty, $what:ident { $($(#[$doc:meta])* $variant:ident $value:expr,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// How it is written.
            #[must_use]
            pub const fn $what(self) -> $type {
                match self {
                    $($name::$variant => $value,)*
                }
            }

            /// The one that is written so.
            #[must_use]
            pub fn find(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.$what() == text)
            }
        }
    };
}

known! {
    /// A number with a name.
    Constant: &'static str, name {
        /// π
        Pi "pi",
        /// e
        E "e",
        /// ∞
        Inf "inf",
        /// Not a number.
        Nan "nan",
        /// γ
        EulerGamma "euler_gamma",
    }
}

impl Constant {
    /// The number.
    #[must_use]
    pub fn value(self) -> f64 {
        match self {
            Constant::Pi => std::f64::consts::PI,
            Constant::E => std::f64::consts::E,
            Constant::Inf => f64::INFINITY,
            Constant::Nan => f64::NAN,
            Constant::EulerGamma => 0.577_215_664_901_532_9,
        }
    }
}

known! {
    /// A sign before an operand.
    UnaryOp: &'static str, sign {
        /// NumPy's `negative`.
        Negative "-",
        /// NumPy's `positive`.
        Positive "+",
        /// NumPy's `invert`.
        Invert "~",
    }
}

known! {
    /// An operator between two operands.
    BinaryOp: &'static str, sign {
        /// NumPy's `power`.
        Power "**",
        /// NumPy's `multiply`.
        Multiply "*",
        /// NumPy's `true_divide`.
        Divide "/",
        /// NumPy's `floor_divide`.
        FloorDivide "//",
        /// NumPy's `remainder`.
        Remainder "%",
        /// NumPy's `add`.
        Add "+",
        /// NumPy's `subtract`.
        Subtract "-",
        /// NumPy's `left_shift`.
        LeftShift "<<",
        /// NumPy's `right_shift`.
        RightShift ">>",
        /// NumPy's `bitwise_and`.
        And "&",
        /// NumPy's `bitwise_xor`.
        Xor "^",
        /// NumPy's `bitwise_or`.
        Or "|",
        /// NumPy's `less`.
        Less "<",
        /// NumPy's `less_equal`.
        LessEqual "<=",
        /// NumPy's `greater`.
        Greater ">",
        /// NumPy's `greater_equal`.
        GreaterEqual ">=",
        /// NumPy's `equal`.
        Equal "==",
        /// NumPy's `not_equal`.
        NotEqual "!=",
    }
}

/// How tightly something binds; numbers grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Comparison,
    Or,
    Xor,
    And,
    Shift,
    Sum,
    Product,
    Sign,
    Power,
    /// A name, a number, a call, something in brackets: whatever binds tighter than operators.
    Atom,
}

impl Level {
    /// The next tighter one.
    pub(super) fn tighter(self) -> Level {
        use Level::{And, Atom, Comparison, Or, Power, Product, Shift, Sign, Sum, Xor};
        match self {
            Comparison => Or,
            Or => Xor,
            Xor => And,
            And => Shift,
            Shift => Sum,
            Sum => Product,
            Product => Sign,
            Sign => Power,
            Power | Atom => Atom,
        }
    }
}

impl BinaryOp {
    pub(super) fn level(self) -> Level {
        match self {
            BinaryOp::Power => Level::Power,
            BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::FloorDivide | BinaryOp::Remainder => {
                Level::Product
            }
            BinaryOp::Add | BinaryOp::Subtract => Level::Sum,
            BinaryOp::LeftShift | BinaryOp::RightShift => Level::Shift,
            BinaryOp::And => Level::And,
            BinaryOp::Xor => Level::Xor,
            BinaryOp::Or => Level::Or,
            _ => Level::Comparison,
        }
    }
}

macro_rules! children {
    ($node:expr, $iter:ident $(, $mutable:tt)?) => {
        match $node {
            Node::Unary(_, one)
            | Node::Attribute(one, _)
            | Node::Index(one, _)
            | Node::Field(one, _) => vec![& $($mutable)? **one],
            Node::Binary(_, left, right) => vec![& $($mutable)? **left, & $($mutable)? **right],
            Node::Call(_, arguments) => {
                let named = arguments.named.$iter().map(|(_, value)| value);
                arguments.positional.$iter().chain(named).collect()
            }
            Node::Method(object, _, arguments) => {
                let named = arguments.named.$iter().map(|(_, value)| value);
                let arguments = arguments.positional.$iter().chain(named);
                std::iter::once(& $($mutable)? **object).chain(arguments).collect()
            }
            Node::Tuple(items) | Node::List(items) => items.$iter().collect(),
            Node::Number(_)
            | Node::Bool(_)
            | Node::None
            | Node::Text(_)
            | Node::Constant(_)
            | Node::Type(_)
            | Node::Name(_) => vec![],
        }
    };
}

impl Expr {
    /// An expression at a place of a text.
    #[must_use]
    pub fn new(span: Span, node: Node) -> Self {
        let children: Vec<&Expr> = children!(&node, iter);
        let height = 1 + children.iter().map(|child| child.height).max().unwrap_or(0);
        Expr { span, node, height }
    }

    /// Where it stands.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// What it is.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// How many nodes stand above each other in it.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The expressions that it consists of, in the order of the text.
    #[must_use]
    pub fn children(&self) -> Vec<&Expr> {
        children!(&self.node, iter)
    }

    pub(super) fn children_mut(&mut self) -> Vec<&mut Expr> {
        children!(&mut self.node, iter_mut, mut)
    }

    /// The whole number that it is, with signs before it.
    #[must_use]
    pub fn as_int(&self) -> Option<i128> {
        match &self.node {
            Node::Number(Number::Int(number)) => Some(*number),
            Node::Unary(UnaryOp::Negative, operand) => operand.as_int().map(|number| -number),
            Node::Unary(UnaryOp::Positive, operand) => operand.as_int(),
            _ => None,
        }
    }
}
