//! The question that flintlockd asks of an image's registry at each create.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use mvm_config::names::ImageRef;
use mvm_core::chain;
use mvm_images_plan::anonymous::Answer;
use mvm_images_plan::proxy::Proxies;
use tokio::time::{Instant, timeout};

use crate::registry::{Registry, Settings};
use crate::{Error, runtime};

/// For one image. A registry that takes longer keeps whoever creates a microVM waiting.
const LONGEST: Duration = Duration::from_secs(15);

const AT_A_TIME: usize = 8;

/// Asks for each image as flintlockd does: one HEAD of the registry in its name, over TLS unless
/// that is this host itself, without mirrors and without a login.
///
/// # Errors
/// When no HTTP client can be made.
pub fn anonymously<'i>(
    images: impl IntoIterator<Item = &'i ImageRef>,
    proxies: Option<&Proxies>,
) -> Result<Vec<(ImageRef, Answer)>, Error> {
    within(LONGEST, images, proxies)
}

/// The same with a shorter timeout for each image.
///
/// # Errors
/// When no HTTP client can be made.
pub fn within<'i>(
    longest: Duration,
    images: impl IntoIterator<Item = &'i ImageRef>,
    proxies: Option<&Proxies>,
) -> Result<Vec<(ImageRef, Answer)>, Error> {
    Ok(runtime()?.block_on(each(longest, images, proxies)))
}

/// The same inside of a run.
pub(crate) async fn all<'i>(
    images: impl IntoIterator<Item = &'i ImageRef>,
    proxies: Option<&Proxies>,
) -> Vec<(ImageRef, Answer)> {
    each(LONGEST, images, proxies).await
}

async fn each<'i>(
    longest: Duration,
    images: impl IntoIterator<Item = &'i ImageRef>,
    proxies: Option<&Proxies>,
) -> Vec<(ImageRef, Answer)> {
    let answers = stream::iter(images).map(async |image| {
        let outcome = timeout(longest, ask(image, proxies)).await;
        let answer = outcome.unwrap_or(Err(Error::Budget { after: longest }));
        (image.clone(), answer.unwrap_or_else(|error| meaning(&error)))
    });
    answers.buffered(AT_A_TIME).collect().await
}

async fn ask(image: &ImageRef, proxies: Option<&Proxies>) -> Result<Answer, Error> {
    let settings = Settings { proxies: proxies.cloned(), ..Settings::default() };
    let registry = Registry::new(settings, Instant::now() + LONGEST)?;
    registry.head(image).await.map(Answer::Given)
}

fn meaning(error: &Error) -> Answer {
    let why = chain(error);
    match error.cause() {
        Error::Status { status: 404, .. } => Answer::Absent(why),
        Error::Unauthorized { .. } => Answer::LoginWanted(why),
        Error::Untrusted { .. } | Error::Early { .. } => Answer::Untrusted(why),
        _ => Answer::None(why),
    }
}
