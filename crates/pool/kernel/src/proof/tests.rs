use std::cell::RefCell;
use std::fs;

use super::*;
use crate::Operation;

/// A pool that records what is done to it, has some numbers taken, and refuses the `fails`-th operation.
#[derive(Default)]
struct Fake {
    operations: RefCell<Vec<String>>,
    ids: RefCell<BTreeSet<u32>>,
    devices: RefCell<Vec<(String, u8)>>,
    fails: Option<usize>,
}

fn refused(number: i32) -> Error {
    let source = std::io::Error::from_raw_os_error(number);
    Error::Mapper { operation: Operation::Message, name: "p".to_owned(), source }
}

impl Fake {
    fn did(&self, operation: String) -> Result<(), Error> {
        self.operations.borrow_mut().push(operation);
        // EIO, once.
        if Some(self.operations.borrow().len()) == self.fails { Err(refused(5)) } else { Ok(()) }
    }
}

impl Thin for Fake {
    fn send_message(&self, pool: &str, message: &str) -> Result<(), Error> {
        self.did(format!("{pool}: {message}"))?;
        let words: Vec<&str> = message.split(' ').collect();
        let id = words[1].parse().unwrap();
        let fits = match words[0] {
            "delete" => self.ids.borrow_mut().remove(&id).then_some(()).ok_or(ENODATA),
            _ => self.ids.borrow_mut().insert(id).then_some(()).ok_or(EEXIST),
        };
        fits.map_err(refused)
    }

    fn activate(&self, _: &str, name: &str, id: u32, sectors: u64) -> Result<(), Error> {
        self.did(format!("activate {name} {id} {sectors}"))?;
        self.devices.borrow_mut().push((name.to_owned(), 0xA5));
        Ok(())
    }

    fn pause(&self, name: &str, held: bool) -> Result<(), Error> {
        self.did(format!("pause {name} {held}"))
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        self.did(format!("remove {name}"))?;
        self.devices.borrow_mut().retain(|(other, _)| other != name);
        Ok(())
    }

    fn write(&self, name: &str, byte: u8) -> Result<(), Error> {
        self.did(format!("write {name}"))?;
        self.devices.borrow_mut().iter_mut().find(|(other, _)| other == name).unwrap().1 = byte;
        Ok(())
    }

    fn reads(&self, name: &str, byte: u8) -> Result<bool, Error> {
        self.did(format!("read {name}"))?;
        Ok(self.devices.borrow().contains(&(name.to_owned(), byte)))
    }

    fn discard(&self, name: &str, bytes: u64) -> Result<(), Error> {
        self.did(format!("discard {name} {bytes}"))
    }
}

fn run(fake: &Fake, folder: &tempfile::TempDir) -> Result<(), Error> {
    let roots = Roots::new(folder.path());
    Proof { roots: &roots, pool: "p", block: 128 }.run(fake)
}

#[test]
fn whatever_fails_is_taken_away_at_once_or_by_the_next_run() {
    let all = {
        let (fake, folder) = (Fake::default(), tempfile::tempdir().unwrap());
        run(&fake, &folder).unwrap();
        fake.operations.into_inner()
    };
    assert!(all.contains(&"p: create_snap 16777214 16777215".to_owned()), "{all:?}");
    assert!(all.contains(&"discard p-mvmhost-copy 65536".to_owned()), "{all:?}");
    for fails in 1..=all.len() {
        let folder = tempfile::tempdir().unwrap();
        let fake = Fake { fails: Some(fails), ..Fake::default() };
        // Somebody else's, which nothing may touch.
        fake.ids.borrow_mut().insert(TOP);
        run(&fake, &folder).unwrap_err();
        let again = Fake { ids: fake.ids, devices: fake.devices, ..Fake::default() };
        run(&again, &folder).unwrap();
        assert_eq!(again.ids.into_inner(), BTreeSet::from([TOP]), "{fails}");
        assert!(again.devices.into_inner().is_empty(), "{fails}");
        assert!(!folder.path().join("var/lib/mvmhost/proof.json").exists());
    }
}

#[test]
fn numbers_of_others_are_left_alone_when_all_are_taken() {
    let (fake, folder) = (Fake::default(), tempfile::tempdir().unwrap());
    fake.ids.borrow_mut().extend(TOP - TRIES + 1..=TOP);
    let error = run(&fake, &folder).unwrap_err();
    assert_eq!(error.errno(), Some(EEXIST));
    assert!(
        fake.operations.borrow().iter().all(|operation| operation.starts_with("p: create_thin"))
    );
    assert_eq!(fake.ids.borrow().len(), TRIES as usize);
}

#[test]
fn a_note_that_is_not_ours_deletes_nothing() {
    for note in [
        "",
        "{",
        "{\"pool\":\"other\",\"ids\":[16777215]}",
        "{\"pool\":\"p\",\"ids\":[1,-1,\"x\",4294967300]}",
        "{\"pool\":\"p\",\"ids\":7}",
    ] {
        let (fake, folder) = (Fake::default(), tempfile::tempdir().unwrap());
        fake.ids.borrow_mut().extend([1, TOP]);
        let state = folder.path().join("var/lib/mvmhost");
        fs::create_dir_all(&state).unwrap();
        fs::write(state.join("proof.json"), note).unwrap();
        run(&fake, &folder).unwrap();
        assert_eq!(*fake.ids.borrow(), BTreeSet::from([1, TOP]), "{note}");
    }
}
