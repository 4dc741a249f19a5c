//! `COPY` and `ADD`: from what is written to what is asked of [`super::copy`].

use super::copy::{self, Add, CopyRequest, CopySource};
use super::dockerfile::Expander;
use super::dockerfile::ast::{self, Word};
use super::event::{BuildEvent, Missed};
use super::metadata::word;
use super::remote::{Reach, Remote, Said};
use super::sources::{CONTEXT, Folder, Source};
use super::state::State;
use super::step::{Job, Task};
use crate::error::{Error, Kind, Result};
use crate::image::digest;
use crate::tree;
use std::path::{Path, PathBuf};

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

/// One source, with its variables' values.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    /// In a context, a stage or the Dockerfile.
    Here(CopySource),
    /// Elsewhere, as it is written.
    Elsewhere(String, Remote),
}

/// What is asked for, with its variables' values.
struct Asked {
    wishes: Vec<Wish>,
    target: String,
    chown: Option<String>,
    chmod: Option<String>,
    add: Option<Add>,
    said: Said,
}

impl Asked {
    fn new(wanted: &Wanted<'_>, expander: &Expander<'_>) -> Result<Self> {
        let optional = |text: &Option<Word>| text.as_ref().map(|text| word(expander, text)).transpose();
        let said = match wanted.add {
            Some(add) => Said { checksum: optional(&add.checksum)?, keep_git_dir: add.keep_git_dir },
            None => Said::default(),
        };
        let mut wishes = Vec::new();
        for text in &wanted.files.sources {
            wishes.push(wish(word(expander, text)?, wanted.add.is_some(), &said)?);
        }
        for heredoc in &wanted.files.contents {
            let text = match heredoc.expand {
                true => expander
                    .text(&heredoc.body)
                    .map_err(|error| Error::new(Kind::Unsupported, error.to_string()))?,
                false => heredoc.body.clone(),
            };
            wishes.push(Wish::Here(CopySource::Text { name: heredoc.name.clone(), text }));
        }
        Ok(Self {
            wishes,
            target: word(expander, &wanted.files.destination)?,
            chown: optional(&wanted.files.chown)?,
            chmod: optional(&wanted.files.chmod)?,
            add: wanted.add.map(|add| Add { unpack: add.unpack }),
            said,
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
        for wish in &self.wishes {
            match wish {
                Wish::Here(CopySource::Path(text)) | Wish::Elsewhere(text, _) => say(text.clone()),
                Wish::Here(CopySource::Text { name, .. }) => say(format!("<<{name}")),
                Wish::Here(_) => {}
            }
        }
        say(self.target.clone());
        text
    }

    /// What the text leaves out, but the result depends on.
    fn details(&self, wanted: &Wanted<'_>) -> String {
        let texts = self.wishes.iter().filter_map(|wish| match wish {
            Wish::Here(CopySource::Text { text, .. }) => Some(text.as_str()),
            _ => None,
        });
        let texts: String = texts.collect::<Vec<_>>().join("\0");
        let (from, exclude) = (wanted.from, &wanted.files.exclude);
        format!("{from:?} {exclude:?} {:?} {:?} {}", self.add, self.said, digest::of(texts.as_bytes()))
    }

    /// Whether it takes anything from a context, stage or image.
    fn has_paths(&self) -> bool {
        self.wishes.iter().any(|wish| matches!(wish, Wish::Here(CopySource::Path(_))))
    }

    /// What is elsewhere, and the folder that each is brought to.
    fn remotes(&self, folder: &Path) -> Vec<(&str, &Remote, PathBuf)> {
        let place = |number: usize| folder.join(format!("remote-{number}"));
        let remotes = self.wishes.iter().enumerate().filter_map(|(number, wish)| match wish {
            Wish::Elsewhere(text, remote) => Some((text.as_str(), remote, place(number))),
            Wish::Here(_) => None,
        });
        remotes.collect()
    }

    /// As they are copied, once those from elsewhere are here.
    fn sources(&self, folder: &Path) -> Vec<CopySource> {
        let mut remotes = self.remotes(folder).into_iter();
        let source = |wish: &Wish| match wish {
            Wish::Here(source) => Some(source.clone()),
            Wish::Elsewhere(..) => remotes.next().map(|(_, remote, place)| remote.source(&place)),
        };
        self.wishes.iter().filter_map(source).collect()
    }
}

fn wish(text: String, is_add: bool, said: &Said) -> Result<Wish> {
    let remote = if is_add { Remote::parse(&text, said)? } else { None };
    if remote.is_none() && said.checksum.is_some() {
        let error = Error::new(Kind::Unsupported, format!("`{text}` is a file of the build context"));
        return Err(error.hint("`--checksum` is for what comes from elsewhere"));
    }
    Ok(match remote {
        Some(remote) => Wish::Elsewhere(text, remote),
        None => Wish::Here(CopySource::Path(text)),
    })
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
    let scratch = snapshot.work.with_file_name("remotes");
    let remotes = asked.remotes(&scratch);
    let sources = asked.sources(&scratch);
    let request = CopyRequest {
        snapshot: &snapshot,
        from: &files,
        sources: &sources,
        target: &asked.target,
        cwd: &cwd,
        chown: asked.chown.as_deref(),
        chmod: asked.chmod.as_deref(),
        parents: wanted.parents,
        link: wanted.files.link,
        exclude: &wanted.files.exclude,
        add: asked.add,
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
    let reach = |folder| Reach { inputs: builder.inputs, cancel: &builder.cancel, folder };
    if !remotes.is_empty() {
        builder.tell(BuildEvent::Started(task.id, Missed::Download));
    }
    for (name, remote, folder) in &remotes {
        let identity = remote.identity(reach(folder))?;
        inputs.files.extend(identity.map(|identity| ((*name).to_owned(), identity)));
    }
    let job = Job { inputs, created_by: text, snapshot: &snapshot };
    task.take(state, job, || {
        remotes.iter().try_for_each(|(_, remote, folder)| remote.bring(reach(folder)))?;
        copy::copy(&request).map(drop)
    })?;
    tree::remove(&scratch)
}

/// A stage that begins with all files of a context: `FROM` its name.
pub(super) fn whole(task: &Task<'_>, state: &mut State, name: &str, folder: &Folder) -> Result<()> {
    let builder = task.builder;
    let (snapshot, source) = (task.snapshot(state), Source::Folder(folder));
    let (files, sources) = (source.files(&builder.images), [CopySource::Path(".".to_owned())]);
    let request = CopyRequest {
        epoch: builder.spec.source_date_epoch,
        ..CopyRequest::whole(&snapshot, &files, &sources, &builder.cancel)
    };
    let text = format!("FROM {name}");
    let mut inputs = task.inputs(state, text.clone());
    let digest = source.digest(&request, &builder.images, &builder.cache)?;
    inputs.files.insert(name.to_owned(), digest);
    let job = Job { inputs, created_by: text, snapshot: &snapshot };
    task.take(state, job, || copy::copy(&request).map(drop))
}

#[cfg(test)]
mod tests {
    use super::super::dockerfile::ast::Instruction;
    use super::super::dockerfile::parse;
    use super::*;

    fn asked(line: &str) -> Result<(String, Vec<Wish>)> {
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
        Ok((asked.text(&wanted), asked.wishes.clone()))
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
            Wish::Here(CopySource::Text { text, .. }) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(text("COPY <<EOF /a\nis $X\nEOF"), "is value\n");
        assert_eq!(text("COPY <<'EOF' /a\nis $X\nEOF"), "is $X\n");
    }

    #[test]
    fn only_add_takes_what_is_elsewhere() {
        let is_elsewhere = |line: &str| matches!(asked(line).unwrap().1[0], Wish::Elsewhere(..));
        for source in ["https://example.com/$X", "https://example.com/a.git#main", "git@example.com:a.git"] {
            assert!(is_elsewhere(&format!("ADD {source} /x")), "{source}");
            assert!(!is_elsewhere(&format!("COPY {source} /x")), "{source}");
        }
        assert!(!is_elsewhere("ADD x.tar /x"));
        let error = asked("ADD --checksum=sha256:0 x.tar /x").unwrap_err();
        assert_eq!(error.doing, "`x.tar` is a file of the build context");
    }
}
