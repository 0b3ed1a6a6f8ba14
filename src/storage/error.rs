//! What can go wrong in the object store.

/// Why an object could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The address of the store is not one.
    #[error("the storage URL cannot be read: {problem}")]
    Url {
        /// What is wrong with it.
        problem: String,
    },
    /// The store answers with an error.
    #[error("object store: {0}")]
    Store(#[from] object_store::Error),
    /// A file could not be read or written.
    #[error("file: {0}")]
    File(#[from] std::io::Error),
    /// What was put is not what can be read back.
    #[error("object store: {key} did not arrive whole")]
    NotWhole {
        /// The object.
        key: String,
    },
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopped,
}
