//! All images of the configuration, one run.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs::File;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::{StreamExt, stream};
use mvm_config::names::ImageRef;
use mvm_config::{Config, places};
use mvm_core::catalogue::img;
use mvm_core::{Finding, Roots, chain};
use mvm_images_plan::anonymous::Answer;
use mvm_images_plan::auth::Logins;
use mvm_images_plan::proxy::Proxies;
use mvm_images_plan::prune::Verdict;
use mvm_images_plan::{RequestedImage, platform, requested_images};
use tokio::time::{Instant, interval, sleep, timeout, timeout_at};

use crate::archive::{self, Archive};
use crate::containerd::Containerd;
use crate::registry::{Helpers, Registry, Settings, Timeouts};
use crate::verify::{self, State};
use crate::{
    Error, ImageResult, Outcome, Progress, Puller, finding, prune, resolve, runtime, served,
};

/// How often somebody is told that the run goes on.
const TICK: Duration = Duration::from_secs(10);
/// For a look at what is there, which takes milliseconds.
const LOOK: Duration = Duration::from_secs(20);
/// How often a taken lock is tried.
const LOCKED: Duration = Duration::from_millis(200);
/// The file with the lock, in the runtime folder.
const LOCK: &str = "images.lock";
/// Images in the works at a time; downloads are counted apart.
const IMAGES: usize = 8;
/// Bytes of a file with logins.
const LOGINS: u64 = 1 << 20;

/// What [`Self::pull`] and the other methods work on.
pub struct Job<'j> {
    /// What the file asks for.
    pub config: &'j Config,
    /// Where the host's files are.
    pub roots: &'j Roots,
    /// Which images to verify, pull or export; [`Self::prune`] keeps these.
    pub images: &'j [RequestedImage],
    /// Where images are looked for before a registry is asked; empty: in the file's archives.
    pub archives: &'j [Archive],
    /// Whether the registry is asked although an image is complete.
    pub again: bool,
    /// Where systemd put the unit's credentials.
    pub credentials: Option<&'j Path>,
    /// Who is told about it.
    pub progress: &'j dyn Progress,
}

/// What [`Job::pull`] did.
#[derive(Debug, Default)]
pub struct Run {
    /// What became of each image.
    pub results: Vec<ImageResult<Outcome>>,
    /// The file's archives that cannot be read.
    pub unread: Vec<Error>,
    /// How registries answer flintlockd about images that came in a way that it does not go.
    pub answers: Vec<(ImageRef, Answer)>,
}

impl<'j> Job<'j> {
    /// For images that are only made complete, without credentials of a unit.
    pub fn new(
        config: &'j Config,
        roots: &'j Roots,
        images: &'j [RequestedImage],
        progress: &'j dyn Progress,
    ) -> Self {
        let (again, credentials) = (false, None);
        Self { config, roots, images, archives: &[], again, credentials, progress }
    }

    /// What each image lacks; nothing is changed and no registry is asked.
    ///
    /// # Errors
    /// When containerd cannot be reached, or does not answer.
    pub fn verify(&self) -> Result<Vec<ImageResult<State>>, Error> {
        let look = async {
            let containerd = self.connect().await?;
            Ok(self.states(&containerd).await)
        };
        let spent = |_| Err(Error::Budget { after: LOOK });
        runtime()?.block_on(async { timeout(LOOK, look).await.unwrap_or_else(spent) })
    }

    /// Judges what mvmhost brought and `images` lacks, and unless `dry` removes what may go.
    ///
    /// # Errors
    /// When containerd cannot be reached or refuses, or it is not known what mvmhost brought.
    pub fn prune(&self, dry: bool) -> Result<Vec<(String, Verdict)>, Error> {
        let platform = platform(self.config, std::env::consts::ARCH);
        let spent = |_| Error::Budget { after: LOOK };
        runtime()?.block_on(async {
            let containerd = self.connect().await?;
            let _lock = match dry {
                true => None,
                false => Some(timeout(LOOK, self.lock()).await.map_err(spent)??),
            };
            prune::prune(&containerd, self.roots, self.images, &platform, dry).await
        })
    }

    /// Makes the images complete, within the configured time.
    ///
    /// # Errors
    /// When containerd cannot be reached, or nothing can be begun.
    pub fn pull(&self) -> Result<Run, Error> {
        runtime()?.block_on(async {
            let work = self.pull_all();
            let alive = self.keep_alive();
            match select(pin!(work), pin!(alive)).await {
                Either::Left((run, _)) => run,
                Either::Right((never, _)) => match never {},
            }
        })
    }

    /// Tells for ever that the run goes on.
    async fn keep_alive(&self) -> Infallible {
        let mut tick = interval(TICK);
        loop {
            tick.tick().await;
            self.progress.alive();
        }
    }

    async fn pull_all(&self) -> Result<Run, Error> {
        let budget = self.config.images.timeout;
        let until = Instant::now() + budget;
        let mut containerd = self.connect().await?;
        if !self.again {
            let states = self.states(&containerd).await;
            if states.iter().all(|(_, state)| matches!(state, Ok(State::Complete))) {
                let results =
                    states.into_iter().map(|(requested, _)| (requested, Ok(Outcome::Present)));
                return Ok(Run { results: results.collect(), ..Run::default() });
            }
        }
        let spent = || Error::Budget { after: budget };
        let lock = self.lock();
        containerd.make_namespace().await?;
        let _lock = timeout(budget, lock).await.map_err(|_| spent())??;
        containerd.take_lease().await?;
        containerd.remove_unfinished().await;
        let registry = Registry::new(self.settings()?, until)?;
        let platform = platform(self.config, std::env::consts::ARCH);
        let parallel = self.config.images.parallel;
        let puller =
            Puller::new(self.roots, registry, containerd, platform, self.progress, parallel);
        let (opened, unread) = self.open().await;
        let archives = if self.archives.is_empty() { &opened } else { self.archives };
        let images = stream::iter(self.images).map(async |requested| {
            let fetch = async || match archive::find(archives, &requested.reference) {
                Some((archive, image)) => {
                    puller.import(requested, archive, image, self.again).await
                }
                None => puller.image(requested, self.again).await,
            };
            let twice = async {
                match fetch().await {
                    // After a power cut a layer that containerd lists may not be whole. It is thrown
                    // away now, and the second attempt fetches it.
                    Err(error) if matches!(error.cause(), Error::Damaged { .. }) => fetch().await,
                    fetched => fetched,
                }
            };
            let fetched = timeout_at(until, twice).await;
            (requested.clone(), fetched.unwrap_or_else(|_| Err(spent())))
        });
        let results: Vec<ImageResult<Outcome>> = images.buffer_unordered(IMAGES).collect().await;
        let answers = self.answers(&puller.registry, &results).await;
        // Kept after a failure: what has been fetched is found again by the next run.
        let whole = results.iter().all(|(_, result)| result.is_ok());
        if whole {
            let mut containerd = puller.containerd;
            // What containerd still made for a run that was killed came after the first removal.
            containerd.remove_unfinished().await;
            containerd.drop_lease().await?;
        }
        Ok(Run { results, unread, answers })
    }

    /// Asks as flintlockd will, where that is another question than the one that was answered.
    async fn answers(
        &self,
        registry: &Registry,
        results: &[ImageResult<Outcome>],
    ) -> Vec<(ImageRef, Answer)> {
        let pulled = results.iter().filter(|(_, result)| matches!(result, Ok(Outcome::Pulled)));
        let references: BTreeSet<&ImageRef> = pulled
            .map(|(requested, _)| &requested.reference)
            .filter(|reference| registry.needed(reference.registry()))
            .collect();
        resolve::all(references, self.proxies().as_ref()).await
    }

    /// The file's proxies; `None` for those of this process.
    fn proxies(&self) -> Option<Proxies> {
        let proxy = &self.config.proxy;
        proxy.is_used().then(|| Proxies::of_file(proxy))
    }

    /// The file's archives, and what those that cannot be read have to say.
    async fn open(&self) -> (Vec<Archive>, Vec<Error>) {
        let (mut opened, mut unread) = (Vec::new(), Vec::new());
        let paths = if self.archives.is_empty() { &*self.config.images.archives } else { &[] };
        for path in paths {
            let path = self.roots.at(path.as_str());
            // All of a docker-archive is hashed, and somebody is told meanwhile that the run goes on.
            let open = tokio::task::spawn_blocking(move || Archive::open(&path));
            match open.await {
                Ok(Ok(archive)) => opened.push(archive),
                Ok(Err(error)) => unread.push(error),
                Err(error) => unread.push(Error::Runtime(error.into())),
            }
        }
        (opened, unread)
    }

    /// Writes down what the registry on this host gives out; nothing where it is not wanted.
    ///
    /// # Errors
    /// When containerd cannot be reached or refuses, or the list cannot be written.
    pub fn serve(&self) -> Result<(), Error> {
        if !self.config.images.serve.enabled {
            return Ok(());
        }
        let images = requested_images(self.config);
        let all = Job { images: &images, ..*self };
        let platform = platform(self.config, std::env::consts::ARCH);
        let look = async {
            let containerd = all.connect().await?;
            let states = all.states(&containerd).await;
            served::list(&containerd, &states, &platform).await
        };
        let spent = |_| Err(Error::Budget { after: LOOK });
        let list =
            runtime()?.block_on(async { timeout(LOOK, look).await.unwrap_or_else(spent) })?;
        served::write(self.roots, &list)
    }

    /// Writes the images to an archive.
    ///
    /// # Errors
    /// When containerd lacks something of them, or the archive cannot be written.
    pub fn export(&self, path: &Path) -> Result<(), Error> {
        let names: Vec<ImageRef> = self.images.iter().map(|one| one.reference.clone()).collect();
        let platform = platform(self.config, std::env::consts::ARCH);
        runtime()?.block_on(async {
            let containerd = self.connect().await?;
            archive::export(&containerd, &names, &platform, path).await
        })
    }

    async fn states(&self, containerd: &Containerd) -> Vec<ImageResult<State>> {
        let platform = platform(self.config, std::env::consts::ARCH);
        let states = stream::iter(self.images).map(async |requested| {
            (requested.clone(), verify::state(containerd, requested, &platform).await)
        });
        states.buffered(IMAGES).collect().await
    }

    async fn connect(&self) -> Result<Containerd, Error> {
        let containerd = &self.config.containerd;
        let socket = self.roots.at(places::containerd_socket(containerd.instance));
        Containerd::connect(&socket, &containerd.namespace).await
    }

    /// One run at a time, because all use the same lease.
    async fn lock(&self) -> Result<File, Error> {
        let path = self.roots.runtime().join(LOCK);
        let failed = |source| Error::Lock { path: path.clone(), source };
        std::fs::create_dir_all(self.roots.runtime()).map_err(failed)?;
        let file = File::create(&path).map_err(failed)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(std::fs::TryLockError::WouldBlock) => sleep(LOCKED).await,
                Err(std::fs::TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
    }

    fn settings(&self) -> Result<Settings, Error> {
        let images = &self.config.images;
        let credential = self.credentials.map(|folder| folder.join(CREDENTIAL));
        let file = match &images.auth_file {
            Some(file) => Some(self.roots.at(file.as_str())),
            None => credential.filter(|file| file.exists()),
        };
        let logins = file.as_deref().map(logins).transpose()?.unwrap_or_default();
        Ok(Settings {
            mirrors: images.mirrors.clone(),
            insecure: images.insecure_registries.clone(),
            logins,
            helpers: file.map(|file| Helpers::new(self.roots.clone(), file)),
            timeouts: Timeouts::default(),
            proxies: self.proxies(),
            roots: Some(self.roots.clone()),
        })
    }
}

/// The credential of mvm-images.service that holds logins.
const CREDENTIAL: &str = "mvmhost.registry-auth";

fn logins(path: &Path) -> Result<Logins, Error> {
    let failed = |source| Error::Logins { path: path.to_owned(), source };
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    std::io::Read::read_to_string(&mut std::io::Read::take(file, LOGINS), &mut text)
        .map_err(failed)?;
    Logins::parse(&text).map_err(|place| Error::LoginsText { path: path.to_owned(), place })
}

/// The findings of a run: what is new, and what failed.
pub fn findings(run: &Run) -> Vec<Finding> {
    let mut findings: Vec<Finding> = run.unread.iter().map(unread).collect();
    for (requested, result) in &run.results {
        match result {
            Ok(Outcome::Present) => {}
            Ok(Outcome::Pulled) => {
                let snapshotter = requested.role.snapshotter();
                let pulled = img::pulled(requested.reference.as_str(), snapshotter);
                findings.push(pulled);
            }
            Err(error) => findings.push(finding::failed(requested, error)),
        }
    }
    let refused = run.answers.iter().filter(|(_, answer)| !matches!(answer, Answer::Given(_)));
    findings
        .extend(refused.map(|(image, answer)| mvm_images_plan::anonymous::finding(image, answer)));
    findings
}

/// The finding for an archive that cannot be read.
pub fn unread(error: &Error) -> Finding {
    let path = match error {
        Error::Archive { path, .. } => path.to_string_lossy(),
        _ => "[images] archives".into(),
    };
    img::archive_unread(path).evidence(chain(error))
}

/// The finding for a run that could not begin.
pub fn not_begun(error: &Error) -> Finding {
    img::not_begun("[images]").evidence(chain(error))
}
