//! Files of variables.

use serde::Deserialize;
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// One entry of `env_file`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Written")]
pub struct EnvFile {
    /// The file.
    pub path: String,
    /// It is an error when it does not exist.
    pub required: bool,
    /// `raw`: no quotes and no variables; empty: the rules of dotenv files.
    pub format: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Short(String),
    Long {
        #[serde(default)]
        path: String,
        #[serde(default = "required")]
        required: bool,
        #[serde(default)]
        format: String,
    },
}

fn required() -> bool {
    true
}

impl From<Written> for EnvFile {
    fn from(written: Written) -> Self {
        match written {
            Written::Short(path) => Self { path, required: true, format: String::new() },
            Written::Long { path, required, format } => Self { path, required, format },
        }
    }
}

/// A file that must exist is printed as its path alone.
impl Serialize for EnvFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.required {
            return serializer.serialize_str(&self.path);
        }
        let mut long = serializer.serialize_struct("EnvFile", 3)?;
        long.serialize_field("path", &self.path)?;
        long.serialize_field("required", &self.required)?;
        long.serialize_field("format", &self.format)?;
        long.end()
    }
}
