//! `COPY` and `ADD`: from what is written to what is asked of [`super::copy`].

use super::copy::{self, Add, CopyRequest, CopySource};
use super::dockerfile::Expander;
use super::dockerfile::ast::{self, Word};
use super::event::Missed;
use super::metadata::word;
use super::sources::CONTEXT;
use super::state::State;
use super::step::{Job, Task};
use crate::error::{Error, Kind, Result};
use crate::image::digest;

/// What both have in common, as it is written.
pub(super) struct Wanted<'a> {
    name: &'static str,
    from: Option<&'a str>,
    parents: bool,
    add: Option<&'a ast::Add>,
    files: &'a ast::Files,
}

impl<'a> Wanted<'a> {
    pub(super) fn of_copy(copy: &'a ast::Copy) -> Self {
        let from = copy.from.as_deref();
        Self { name: "COPY", from, parents: copy.parents, add: None, files: &copy.files }
    }

    pub(super) fn of_add(add: &'a ast::Add) -> Self {
        Self { name: "ADD", from: None, parents: false, add: Some(add), files: &add.files }
    }
}

/// What is asked for, with its variables' values.
struct Asked {
    sources: Vec<CopySource>,
    target: String,
    chown: Option<String>,
    chmod: Option<String>,
    add: Option<Add>,
}

impl Asked {
    fn new(wanted: &Wanted<'_>, expander: &Expander<'_>) -> Result<Self> {
        let optional = |text: &Option<Word>| text.as_ref().map(|text| word(expander, text)).transpose();
        let mut sources = Vec::new();
        for text in &wanted.files.sources {
            sources.push(source(word(expander, text)?, wanted.add.is_some())?);
        }
        for heredoc in &wanted.files.contents {
            let text = match heredoc.expand {
                true => expander
                    .text(&heredoc.body)
                    .map_err(|error| Error::new(Kind::Unsupported, error.to_string()))?,
                false => heredoc.body.clone(),
            };
            sources.push(CopySource::Text { name: heredoc.name.clone(), text });
        }
        let add =
            |add: &ast::Add| Ok::<_, Error>(Add { unpack: add.unpack, checksum: optional(&add.checksum)? });
        Ok(Self {
            sources,
            target: word(expander, &wanted.files.destination)?,
            chown: optional(&wanted.files.chown)?,
            chmod: optional(&wanted.files.chmod)?,
            add: wanted.add.map(add).transpose()?,
        })
    }

    /// As the history tells it; the same request is always the same text.
    fn text(&self, wanted: &Wanted<'_>) -> String {
        let mut text = wanted.name.to_owned();
        let mut say = |part: String| text.push_str(&format!(" {part}"));
        let flags = [("--parents", wanted.parents), ("--link", wanted.files.link)];
        flags.iter().filter(|(_, set)| *set).for_each(|(flag, _)| say((*flag).to_owned()));
        let values = [("--chown", &self.chown), ("--chmod", &self.chmod)];
        values
            .iter()
            .filter_map(|(flag, value)| Some(format!("{flag}={}", value.as_ref()?)))
            .for_each(&mut say);
        for source in &self.sources {
            match source {
                CopySource::Path(text) | CopySource::Url(text) => say(text.clone()),
                CopySource::Text { name, .. } => say(format!("<<{name}")),
            }
        }
        say(self.target.clone());
        text
    }

    /// What the text leaves out, but the result depends on.
    fn details(&self, wanted: &Wanted<'_>) -> String {
        let texts = self.sources.iter().filter_map(|source| match source {
            CopySource::Text { text, .. } => Some(text.as_str()),
            _ => None,
        });
        let texts: String = texts.collect::<Vec<_>>().join("\0");
        let (from, exclude) = (wanted.from, &wanted.files.exclude);
        format!("{from:?} {exclude:?} {:?} {}", self.add, digest::of(texts.as_bytes()))
    }

    /// Whether it takes anything from a context, stage or image.
    fn has_paths(&self) -> bool {
        self.sources.iter().any(|source| matches!(source, CopySource::Path(_)))
    }

    /// Whether something may be another thing each time.
    fn is_uncertain(&self) -> bool {
        let checked = self.add.as_ref().is_some_and(|add| add.checksum.is_some());
        !checked && self.sources.iter().any(|source| matches!(source, CopySource::Url(_)))
    }
}

fn source(text: String, is_add: bool) -> Result<CopySource> {
    let is_web = text.starts_with("http://") || text.starts_with("https://");
    let repository = text.split(['#', '?']).next().unwrap_or_default();
    let is_git = text.starts_with("git@")
        || text.starts_with("git://")
        || text.starts_with("ssh://")
        || is_web && repository.ends_with(".git");
    if is_add && is_git {
        let error =
            Error::new(Kind::Unsupported, format!("ADD of the git repository `{text}` is not supported"));
        return Err(error.hint("clone it into the build context, or by RUN with git in the image"));
    }
    Ok(if is_add && is_web { CopySource::Url(text) } else { CopySource::Path(text) })
}

/// Copies into a stage.
pub(super) fn copy(
    task: &Task<'_>,
    state: &mut State,
    wanted: &Wanted<'_>,
    expander: &Expander<'_>,
) -> Result<()> {
    let builder = task.builder;
    let asked = Asked::new(wanted, expander)?;
    let origin = if asked.has_paths() { Some(task.sources.get(wanted.from)?) } else { None };
    let files = match origin {
        Some(origin) => origin.files(&builder.images),
        None => super::snapshot::Files::Layers(Vec::new()),
    };
    let text = asked.text(wanted);
    let cwd = state.config.working_dir.clone().unwrap_or_default();
    let snapshot = task.snapshot(state);
    let request = CopyRequest {
        snapshot: &snapshot,
        from: &files,
        sources: &asked.sources,
        target: &asked.target,
        cwd: &cwd,
        chown: asked.chown.as_deref(),
        chmod: asked.chmod.as_deref(),
        parents: wanted.parents,
        link: wanted.files.link,
        exclude: &wanted.files.exclude,
        add: asked.add.clone(),
        epoch: builder.spec.source_date_epoch,
        cancel: &builder.cancel,
    };
    let mut inputs = task.inputs(state, text.clone());
    if wanted.files.link {
        inputs.below.clear();
    }
    inputs.variables.insert("the details".to_owned(), asked.details(wanted));
    if !asked.target.starts_with('/') {
        inputs.variables.insert("the working directory".to_owned(), cwd.clone());
    }
    if let Some(origin) = origin {
        let digest = origin.digest(&request, &builder.images, &builder.cache)?;
        inputs.files.insert(wanted.from.unwrap_or(CONTEXT).to_owned(), digest);
    }
    let uncertain = asked.is_uncertain().then_some(Missed::Download);
    let task = Task { uncached: task.uncached.clone().or(uncertain), ..task.clone() };
    let job = Job { inputs, created_by: text, snapshot: &snapshot };
    task.take(state, job, || copy::copy(&request).map(drop))
}

#[cfg(test)]
mod tests {
    use super::super::dockerfile::ast::Instruction;
    use super::super::dockerfile::parse;
    use super::*;

    fn asked(line: &str) -> Result<(String, Vec<CopySource>, bool)> {
        let parsed = parse(&format!("FROM scratch\n{line}\n"), "Dockerfile");
        assert!(!parsed.diagnostics.has_errors(), "{}", parsed.diagnostics);
        let lookup = |name: &str| (name == "X").then(|| "value".to_owned());
        let expander = Expander::new('\\', &lookup);
        let wanted = match &parsed.dockerfile.stages[0].statements[0].instruction {
            Instruction::Copy(copy) => Wanted::of_copy(copy),
            Instruction::Add(add) => Wanted::of_add(add),
            other => panic!("{other:?}"),
        };
        let asked = Asked::new(&wanted, &expander)?;
        Ok((asked.text(&wanted), asked.sources.clone(), asked.is_uncertain()))
    }

    #[test]
    fn the_history_tells_copies_as_other_builders_do() {
        let cases = [
            ("COPY a $X/b /to/", "COPY a value/b /to/"),
            ("COPY --chown=1:$X --chmod=755 --link a /b", "COPY --link --chown=1:value --chmod=755 a /b"),
            ("COPY --from=other /a /b", "COPY /a /b"),
            ("ADD https://example.com/x /x", "ADD https://example.com/x /x"),
        ];
        for (line, expected) in cases {
            assert_eq!(asked(line).unwrap().0, expected);
        }
    }

    #[test]
    fn here_documents_have_variables_unless_their_name_is_quoted() {
        let text = |line: &str| match asked(line).unwrap().1.remove(0) {
            CopySource::Text { text, .. } => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(text("COPY <<EOF /a\nis $X\nEOF"), "is value\n");
        assert_eq!(text("COPY <<'EOF' /a\nis $X\nEOF"), "is $X\n");
    }

    #[test]
    fn downloads_are_only_certain_with_a_checksum() {
        let sum = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
        assert!(asked("ADD https://example.com/x /x").unwrap().2);
        assert!(!asked(&format!("ADD --checksum={sum} https://example.com/x /x")).unwrap().2);
        assert!(!asked("ADD x.tar /x").unwrap().2);
        assert_eq!(asked("COPY https://a/b /x").unwrap().1, [CopySource::Path("https://a/b".into())]);
        for git in ["https://example.com/a.git#main", "git@example.com:a.git"] {
            assert!(asked(&format!("ADD {git} /x")).unwrap_err().doing.contains("git repository"));
        }
    }
}
