//! What a stage has come to: layers, what the image will say, and the variables that words see.

use super::variables::Variables;
use crate::error::{Error, Kind, Result};
use crate::image::config::{ConfigFile, History, ImageConfig, RawConfig, RootFs};
use crate::image::platform;
use serde_json::Value;

/// Where programs are when nobody says so.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a stage has come to so far.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// Diff ids, lowest first.
    pub(super) layers: Vec<String>,
    /// What the image says, but for the environment: that is in the variables.
    pub(super) config: ImageConfig,
    /// How it came to be. What changed no layer gets its time when the image is written.
    pub(super) history: Vec<History>,
    /// What words see.
    pub(super) variables: Variables,
    /// `MAINTAINER`.
    pub(super) author: Option<String>,
    /// This stage, not its base, has a `CMD`.
    pub(super) has_cmd: bool,
    /// What the image carries of the build cache.
    pub(super) build_cache: Option<Value>,
    /// `ONBUILD` of the base, to be done first.
    pub(super) triggers: Vec<String>,
}

impl State {
    /// `FROM scratch`.
    pub(super) fn scratch() -> Self {
        let env = vec![PATH.to_owned()];
        let config = ImageConfig { working_dir: Some("/".to_owned()), ..ImageConfig::default() };
        Self { config, variables: Variables::of_image(&env), ..Self::default() }
    }

    /// `FROM` an image.
    pub(super) fn of_image(file: &ConfigFile) -> Self {
        let mut config = ImageConfig::from(&file.config);
        let triggers = std::mem::take(&mut config.on_build);
        // So that `ENV PATH=/more:$PATH` adds to it even where the image leaves it to the engine.
        if !config.env.iter().any(|variable| variable.starts_with("PATH=")) {
            config.env.push(PATH.to_owned());
        }
        Self {
            layers: file.rootfs.diff_ids.clone(),
            variables: Variables::of_image(&config.env),
            config,
            history: file.history.clone(),
            author: file.author.clone(),
            has_cmd: false,
            build_cache: None,
            triggers,
        }
    }

    /// `FROM` another stage.
    pub(super) fn of_stage(stage: &Self) -> Self {
        let mut state = Self { has_cmd: false, ..stage.clone() };
        state.triggers = std::mem::take(&mut state.config.on_build);
        state
    }

    /// Adds to the history what changed no file.
    pub(super) fn remember(&mut self, created_by: String) {
        self.history.push(entry(created_by, None, true));
    }

    /// Adds a layer, or none when nothing changed.
    pub(super) fn add_layer(&mut self, created_by: String, layer: Option<String>, created: String) {
        self.history.push(entry(created_by, Some(created), layer.is_none()));
        self.layers.extend(layer);
    }

    /// The image's JSON. All times that are missing are `created`.
    pub(super) fn to_json(&self, created: &str) -> Result<Vec<u8>> {
        let mut history = self.history.clone();
        for entry in &mut history {
            entry.created.get_or_insert_with(|| created.to_owned());
        }
        let config = ImageConfig { env: self.variables.env(), ..self.config.clone() };
        let file = ConfigFile {
            architecture: platform::ARCHITECTURE.to_owned(),
            os: platform::OS.to_owned(),
            variant: None,
            created: Some(created.to_owned()),
            author: self.author.clone(),
            config: RawConfig::from(&config),
            rootfs: RootFs { kind: "layers".to_owned(), diff_ids: self.layers.clone() },
            history,
            build_cache: self.build_cache.clone(),
        };
        serde_json::to_vec(&file)
            .map_err(|error| Error::new(Kind::System, "write the config of the image").because(error))
    }
}

fn entry(created_by: String, created: Option<String>, is_empty: bool) -> History {
    History { created, created_by: Some(created_by), comment: None, empty_layer: is_empty.then_some(true) }
}
