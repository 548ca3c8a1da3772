//! Expressions: CEL over what a run is about. The one file that names the CEL crate.
//!
//! An expression is bounded in length and depth, cannot call anything but CEL's own functions, and never sees a secret.

use super::{
    nearest::suggestion,
    problems::{clip, quoted},
    scope::{Vocabulary, is_root},
};
use cel::{
    Context, Env, ExecutionError,
    common::ast::{ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators},
};
use lifeboat_contract::{Code, codes};
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, LazyLock},
};

const CHARS_MAX: usize = 1000;
const DEPTH_MAX: u16 = 12;
/// The parser recurses for each of them.
const LINKS_MAX: usize = 64;
/// The interpreter recurses for each level of the syntax tree, and takes tens of kilobytes in a debug build.
const LEVELS_MAX: usize = 24;
const STACK_BYTES: usize = 16 * 1024 * 1024;
/// Loops inside loops. Two are enough to look for a site's var; three can run for minutes.
const LOOPS_MAX: usize = 2;

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib().with_optional_support(false)));

/// CEL's own functions and macros.
const FUNCTIONS: &[&str] = &[
    "all",
    "bool",
    "bytes",
    "contains",
    "double",
    "dyn",
    "endsWith",
    "exists",
    "exists_one",
    "filter",
    "has",
    "int",
    "map",
    "size",
    "startsWith",
    "string",
    "type",
    "uint",
];
/// CEL's own types, which may be named: `type(x) == int`.
const TYPES: &[&str] = &["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];

/// A parsed expression.
#[derive(Clone)]
pub(super) struct Expression {
    text: String,
    ast: IdedExpr,
    roots: BTreeSet<String>,
    inputs: BTreeSet<String>,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// Whether the types alone show it: no other value of the same types would do.
    pub(super) ill_typed: bool,
}

impl Flaw {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, ill_typed: false }
    }
}

impl Expression {
    pub(super) fn parse(text: &str) -> Result<Self, Flaw> {
        let text = text.trim();
        let syntax = |message: String| Flaw::new(codes::EXPRESSION_SYNTAX, message);
        if text.is_empty() {
            return Err(syntax("the expression is empty".to_owned()));
        }
        if text.chars().count() > CHARS_MAX {
            return Err(syntax(format!("the expression is longer than {CHARS_MAX} characters")));
        }
        let size = Size::of(text);
        if size.links > LINKS_MAX {
            return Err(syntax(format!("the expression has more than {LINKS_MAX} operators, members and brackets")));
        }
        if size.depth > usize::from(DEPTH_MAX) {
            return Err(syntax(format!("brackets are nested more than {DEPTH_MAX} levels deep")));
        }
        let ast = parse_deep(text).map_err(|message| {
            let hint = syntax_hint(&message).map(str::to_owned);
            Flaw { hint, ..syntax(message) }
        })?;
        let mut walk = Walk::default();
        walk.visit(&ast, &mut Vec::new(), 0);
        if walk.deepest > LEVELS_MAX {
            return Err(syntax(format!("the expression is nested more than {LEVELS_MAX} levels deep")));
        }
        if walk.loops > LOOPS_MAX {
            return Err(Flaw::new(
                codes::EXPRESSION_NOT_ALLOWED,
                "loops inside loops are not allowed in an expression",
            ));
        }
        Ok(Self { text: text.to_owned(), ast, roots: walk.roots, inputs: walk.inputs })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the expression speaks of `root` at all.
    pub(super) fn uses(&self, root: &str) -> bool {
        self.roots.contains(root)
    }

    /// Whether the expression needs the value of one of these inputs.
    pub(super) fn uses_input(&self, names: &BTreeSet<String>) -> bool {
        // `inputs` as a whole, or by a computed name, may be any of them.
        self.uses("inputs") && !names.is_empty() && (self.inputs.is_empty() || !self.inputs.is_disjoint(names))
    }

    /// The names that mean nothing here, whether or not evaluation would come across them.
    pub(super) fn misnamed(&self, vocabulary: &Vocabulary) -> Vec<Flaw> {
        let mut walk = Walk { vocabulary: Some(vocabulary), ..Walk::default() };
        walk.visit(&self.ast, &mut Vec::new(), 0);
        walk.flaws
    }

    pub(super) fn evaluate(&self, variables: &Variables) -> Result<Value, Flaw> {
        let value = cel::Value::resolve(&self.ast, &variables.0).map_err(|error| explain(&error))?;
        value.json().map_err(|_| {
            Flaw::new(codes::EXPRESSION_TYPE, format!("{} yields no value of a document", quoted(&self.text)))
        })
    }
}

/// The values that expressions see.
pub(super) struct Variables(Context<'static, 'static>);

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variables")
    }
}

impl Variables {
    pub(super) fn new<'a>(values: impl IntoIterator<Item = (&'a str, &'a Value)>) -> Self {
        let mut context = Context::with_env(ENV.clone());
        for (name, value) in values {
            context.add_variable_from_value(name, to_cel(value));
        }
        Self(context)
    }
}

fn to_cel(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(value) => cel::Value::Bool(*value),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| cel::Value::Float(number.as_f64().unwrap_or(f64::MAX)), cel::Value::Int)
        }
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(to_cel).collect::<Vec<_>>().into(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), to_cel(value))).collect::<HashMap<String, cel::Value>>().into()
        }
    }
}

/// What the parser would recurse into, counted before it does.
#[derive(Debug, Default)]
struct Size {
    /// Operators, members and brackets.
    links: usize,
    /// Brackets inside brackets.
    depth: usize,
}

impl Size {
    fn of(text: &str) -> Self {
        // With escapes and triple quotes it takes a lexer to tell where a string ends; then everything counts, and no
        // bracket closes.
        let plain = !text.contains('\\') && !text.contains("'''") && !text.contains("\"\"\"");
        let mut size = Self::default();
        let (mut quote, mut open) = (None, 0_usize);
        for c in text.chars() {
            match c {
                _ if quote.is_some() => quote = quote.filter(|&opening| opening != c),
                '\'' | '"' if plain => quote = Some(c),
                '(' | '[' | '{' => open += 1,
                ')' | ']' | '}' if plain => open = open.saturating_sub(1),
                _ => {}
            }
            if quote.is_none() && ".+-*/%&|<>=!?([{".contains(c) {
                size.links += 1;
            }
            size.depth = size.depth.max(open);
        }
        size
    }
}

/// Parses on a stack of its own: in a debug build the parser takes 170 kilobytes for one pair of brackets.
fn parse_deep(text: &str) -> Result<IdedExpr, String> {
    let parse = || {
        let parser = ENV.parser().max_recursion_depth(2 * DEPTH_MAX);
        parser.parse(text).map_err(|errors| first_error(&errors))
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, parse);
        let unread = || "the expression cannot be read".to_owned();
        thread.map_err(|error| format!("the expression cannot be read: {error}"))?.join().map_err(|_| unread())?
    })
}

/// What is usually meant by what CEL does not have.
fn syntax_hint(message: &str) -> Option<&'static str> {
    let habits = [
        ("at: '='", "compare with `==`"),
        ("'= '", "compare with `==`"),
        ("'and'", "write `&&`"),
        ("'or'", "write `||`"),
        ("'not'", "write `!`"),
    ];
    habits.iter().find(|(said, _)| message.contains(said)).map(|(_, hint)| *hint)
}

fn first_error(errors: &cel::ParseErrors) -> String {
    let said = errors.errors.first().map_or("it cannot be read", |error| error.msg.as_str());
    let said = said.strip_prefix("Syntax error: ").unwrap_or(said);
    // What the parser would have expected instead is a list of every token there is.
    let said = said
        .split(" expecting ")
        .next()
        .unwrap_or(said)
        .replace("<EOF>", "the end")
        .replace("mismatched input", "unexpected");
    format!("the expression cannot be read: {said}")
}

fn explain(error: &ExecutionError) -> Flaw {
    match error {
        ExecutionError::NoSuchKey(name) => Flaw::new(codes::UNKNOWN_NAME, format!("there is no {} here", quoted(name))),
        ExecutionError::UndeclaredReference(name) => {
            Flaw::new(codes::UNKNOWN_NAME, format!("unknown name {}", quoted(name.trim_start_matches('.'))))
        }
        ExecutionError::NoSuchOverload(overload) => {
            let name = overload.function().trim_start_matches('@').trim_matches('_').replace("[_]", "[ ]");
            inapplicable(&name, &overload.argument_types().join(", "))
        }
        ExecutionError::UnsupportedBinaryOperator(name, one, other) => {
            let sign = match *name {
                "add" => "+",
                "sub" => "-",
                "mul" => "*",
                "div" => "/",
                "rem" => "%",
                name => name,
            };
            inapplicable(sign, &format!("{}, {}", one.type_of(), other.type_of()))
        }
        ExecutionError::ValuesNotComparable(one, other) => {
            inapplicable("<", &format!("{}, {}", one.type_of(), other.type_of()))
        }
        // The remaining ones repeat values, which differ from site to site and may be long.
        error => {
            let said = lower_first(&clip(&error.to_string(), 120));
            Flaw::new(codes::EXPRESSION_TYPE, format!("the expression has no value: {said}"))
        }
    }
}

fn inapplicable(what: &str, types: &str) -> Flaw {
    let message = format!("{} cannot be applied to ({types})", quoted(what));
    Flaw { ill_typed: true, ..Flaw::new(codes::EXPRESSION_TYPE, message) }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Walks a syntax tree once, and notes what it speaks of.
#[derive(Default)]
struct Walk<'a> {
    vocabulary: Option<&'a Vocabulary>,
    roots: BTreeSet<String>,
    inputs: BTreeSet<String>,
    loops: usize,
    depth: usize,
    deepest: usize,
    flaws: Vec<Flaw>,
}

impl Walk<'_> {
    fn visit(&mut self, node: &IdedExpr, locals: &mut Vec<String>, loops: usize) {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        self.look_at(node, locals, loops);
        self.depth -= 1;
    }

    fn look_at(&mut self, node: &IdedExpr, locals: &mut Vec<String>, loops: usize) {
        match &node.expr {
            Expr::Ident(name) => self.name(name, locals),
            Expr::Select(select) => {
                if !self.member(&select.operand, &select.field, select.test, locals) {
                    self.visit(&select.operand, locals, loops);
                }
            }
            Expr::Call(call) => {
                if call.func_name == operators::INDEX
                    && let [of, IdedExpr { expr: Expr::Literal(LiteralValue::String(key)), .. }] = call.args.as_slice()
                    && self.member(of, key.inner(), false, locals)
                {
                    return;
                }
                self.function(&call.func_name);
                for part in call.target.iter().map(|target| &**target).chain(&call.args) {
                    self.visit(part, locals, loops);
                }
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension, locals, loops + 1),
            Expr::List(list) => list.elements.iter().for_each(|element| self.visit(element, locals, loops)),
            Expr::Map(map) => self.entries(map.entries.iter().map(|entry| &entry.expr), locals, loops),
            Expr::Struct(message) => {
                self.flaw(codes::UNKNOWN_NAME, format!("unknown type {}", quoted(&message.type_name)), None);
                self.entries(message.entries.iter().map(|entry| &entry.expr), locals, loops);
            }
            Expr::Literal(_) | Expr::Unspecified => {}
        }
    }

    fn comprehension(&mut self, loop_: &ComprehensionExpr, locals: &mut Vec<String>, loops: usize) {
        self.loops = self.loops.max(loops);
        self.visit(&loop_.iter_range, locals, loops);
        self.visit(&loop_.accu_init, locals, loops);
        let outer = locals.len();
        locals.push(loop_.iter_var.clone());
        locals.extend(loop_.iter_var2.clone());
        locals.push(loop_.accu_var.clone());
        for part in [&loop_.loop_cond, &loop_.loop_step, &loop_.result] {
            self.visit(part, locals, loops);
        }
        locals.truncate(outer);
    }

    fn entries<'e>(&mut self, entries: impl Iterator<Item = &'e EntryExpr>, locals: &mut Vec<String>, loops: usize) {
        for entry in entries {
            match entry {
                EntryExpr::StructField(field) => self.visit(&field.value, locals, loops),
                EntryExpr::MapEntry(entry) => {
                    self.visit(&entry.key, locals, loops);
                    self.visit(&entry.value, locals, loops);
                }
            }
        }
    }

    fn name(&mut self, name: &str, locals: &[String]) {
        let name = name.trim_start_matches('.');
        if locals.iter().any(|local| local == name) || TYPES.contains(&name) {
            return;
        }
        self.roots.insert(name.to_owned());
        let Some(known) = self.vocabulary.map(Vocabulary::roots) else { return };
        if !known.contains(&name) && name != "secrets" {
            self.flaw(
                codes::UNKNOWN_NAME,
                format!("unknown name {}", quoted(name)),
                suggestion(name, known.iter().copied()),
            );
        }
    }

    /// Notes `inputs.x`, `to.x`, `sites.x`, `sites.x.y`. Returns whether it was one of these.
    fn member(&mut self, of: &IdedExpr, field: &str, only_asked: bool, locals: &[String]) -> bool {
        match &of.expr {
            Expr::Ident(root) if !locals.contains(root) && is_root(root) => {
                let root = root.trim_start_matches('.');
                self.roots.insert(root.to_owned());
                if root == "inputs" {
                    self.inputs.insert(field.to_owned());
                }
                if !only_asked {
                    self.known(root, field);
                }
                true
            }
            Expr::Select(outer) if matches!(&outer.operand.expr, Expr::Ident(root) if root == "sites" && !locals.contains(root)) =>
            {
                self.roots.insert("sites".to_owned());
                self.known("sites", &outer.field);
                if !only_asked {
                    self.known_of_site(&outer.field, field);
                }
                true
            }
            _ => false,
        }
    }

    fn known(&mut self, root: &str, field: &str) {
        let Some(vocabulary) = self.vocabulary else { return };
        let Some(known) = vocabulary.members(root) else { return };
        if !known.contains(field) {
            let what = match root {
                "inputs" => "input",
                "sites" => "site",
                _ => "name",
            };
            let hint = suggestion(field, known.iter().copied());
            self.flaw(codes::UNKNOWN_NAME, format!("unknown {what} {}", quoted(&format!("{root}.{field}"))), hint);
        }
    }

    fn known_of_site(&mut self, site: &str, field: &str) {
        let Some(known) = self.vocabulary.and_then(|vocabulary| vocabulary.site(site)) else { return };
        if !known.contains(field) {
            let hint = suggestion(field, known.iter().copied());
            self.flaw(codes::UNKNOWN_NAME, format!("unknown name {}", quoted(&format!("sites.{site}.{field}"))), hint);
        }
    }

    fn function(&mut self, name: &str) {
        let is_operator = name.contains('_') && !name.starts_with(char::is_alphabetic) || name.starts_with('@');
        if !is_operator && !FUNCTIONS.contains(&name) {
            let hint = suggestion(name, FUNCTIONS.iter().copied());
            self.flaw(codes::UNKNOWN_NAME, format!("unknown function {}", quoted(name)), hint);
        }
    }

    fn flaw(&mut self, code: Code, message: String, hint: Option<String>) {
        let flaw = Flaw { hint, ..Flaw::new(code, message) };
        if self.vocabulary.is_some() && !self.flaws.contains(&flaw) {
            self.flaws.push(flaw);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(text: &str) -> Result<Value, Flaw> {
        let to = json!({"id": "r2", "region": "eu-west-1", "count": 2, "tables": ["a", "b"]});
        Expression::parse(text)?.evaluate(&Variables::new([("to", &to), ("mode", &json!("failover"))]))
    }

    #[test]
    fn values_keep_their_types() {
        for (text, expected) in [
            ("to.region", json!("eu-west-1")),
            ("to.count + 1", json!(3)),
            ("to.tables", json!(["a", "b"])),
            ("mode == 'failover' && to.count > 1", json!(true)),
            ("to['region'].startsWith('eu')", json!(true)),
            ("has(to.zone) ? to.zone : 'none'", json!("none")),
            ("to.tables.map(t, t + '!')", json!(["a!", "b!"])),
            ("{'a': {'b': 1.5}}", json!({"a": {"b": 1.5}})),
            ("string(to.count) + 'x'", json!("2x")),
            ("'eu-west-1' in [to.region]", json!(true)),
            ("size(to.tables)", json!(2)),
        ] {
            assert_eq!(value(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn flaws_have_codes() {
        for (text, code) in [
            ("to.", codes::EXPRESSION_SYNTAX),
            ("", codes::EXPRESSION_SYNTAX),
            ("a b", codes::EXPRESSION_SYNTAX),
            ("to.zone", codes::UNKNOWN_NAME),
            ("to.region + 1", codes::EXPRESSION_TYPE),
            ("[1].map(a, [1].map(b, [1].map(c, c)))", codes::EXPRESSION_NOT_ALLOWED),
        ] {
            assert_eq!(value(text).map_err(|flaw| flaw.code), Err(code), "{text}");
        }
        for text in
            ["(".repeat(900), "!".repeat(900), "-".repeat(900), "a?".repeat(400), "x".repeat(2000), "[".repeat(999)]
        {
            assert_eq!(value(&text).map_err(|flaw| flaw.code), Err(codes::EXPRESSION_SYNTAX), "{text}");
        }
    }

    #[test]
    fn chains_as_long_as_allowed_do_not_exhaust_the_stack() {
        let sum = |terms: usize| "1".to_owned() + &"+1".repeat(terms);
        assert_eq!(value(&sum(LEVELS_MAX - 1)), Ok(json!(24)));
        for terms in [LEVELS_MAX, LINKS_MAX, LINKS_MAX + 1] {
            assert_eq!(value(&sum(terms)).map_err(|flaw| flaw.code), Err(codes::EXPRESSION_SYNTAX), "{terms}");
        }
        for unit in [".a", "[0]", "&&true", " ? 1 : 2", "- -1"] {
            // Whatever it says, it comes back.
            let _ = value(&format!("to{}", unit.repeat(30)));
            let _ = value(&format!("to{}", unit.repeat(LINKS_MAX)));
        }
        for unit in ["(", "[", "!", "-", "a(", "{1:", "size("] {
            let _ = value(&format!("{}1", unit.repeat(usize::from(DEPTH_MAX))));
            let _ = value(&format!("{}1", unit.repeat(LINKS_MAX)));
        }
        let hidden = format!(r"r'\'{}", "+1".repeat(400));
        assert_eq!(value(&hidden).map_err(|flaw| flaw.code), Err(codes::EXPRESSION_SYNTAX));
        let long_text = format!("'{}'", "https://a.b/".repeat(70));
        assert!(value(&long_text).is_ok(), "what stands in a string does not count");
    }
}
