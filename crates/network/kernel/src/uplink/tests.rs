//! Trials by the clock, over records in a folder.

use super::*;

#[test]
fn a_trial_that_came_to_nothing_is_over_and_one_that_goes_on_gets_its_whole_time() {
    let root = tempfile::tempdir().unwrap();
    let roots = Roots::new(root.path());
    assert_eq!(settle(&roots), Ok(None));
    arm(&roots, "eth0", "br-mvm", 60).unwrap();
    let armed = Records(&roots).live().unwrap().unwrap();
    assert!(armed.undo.is_empty() && armed.trial.unwrap().until.is_none());
    assert_eq!(settle(&roots), Ok(None));
    assert_eq!(Records(&roots).live(), Ok(None));
    let until = |until| Live {
        trial: Some(Trial { seconds: 60, asked: 0, until: Some(until) }),
        ..blank("eth0", "br-mvm")
    };
    Records(&roots).keep_live(&until(now() + 1)).unwrap();
    assert_eq!(settle(&roots), Ok(Some(60)));
    let end = Records(&roots).live().unwrap().unwrap().trial.unwrap().until.unwrap();
    assert!(end >= now() + 59, "{end}");
    // One that is over is for the unit to end.
    Records(&roots).keep_live(&until(1)).unwrap();
    assert_eq!(settle(&roots), Ok(None));
    assert_eq!(Records(&roots).live(), Ok(Some(until(1))));
}

#[test]
fn a_record_that_is_none_is_named_and_nothing_is_touched() {
    let root = tempfile::tempdir().unwrap();
    let roots = Roots::new(root.path());
    let path = roots.at("/var/lib/mvmhost/uplink.json");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    for text in ["", "{}", "[1]", r#"{"version": 2, "uplink": "a", "bridge": "b", "gateways": []}"#]
    {
        std::fs::write(&path, text).unwrap();
        let finding = for_apply(&roots, Desired::default()).unwrap_err();
        assert_eq!(finding.entry(), &messages::record::ROW);
        assert_eq!(finding.subject(), "/var/lib/mvmhost/uplink.json");
    }
}
