"""What is heard of a workload -> Verdict. Pure: no I/O, no clock; `now` is always an argument.

The names that others use, and where they live:

- `feed`: the words between watches (or recordings) and the judge: Listed, Changed, Applied, Blind, Sighted
- `snapshot.Snapshot(workload: Ref)`, `Snapshot.fold(event) -> None`: all that is known of one rollout
- `verdict.judge(snapshot, now, policy) -> Verdict`; `Verdict` is Progressing | Complete | Failed | TimedOut |
  Superseded | Gone; `verdict.word(verdict)` is how reports write it, `Fired` what `--explain` shows
- `policy.Policy(timeout, patience)`, `policy.Patience(registry, reference, quota, unschedulable)`, in seconds
- `diagnosis.Diagnosis`, `diagnosis.Code`; `Diagnosis.sentence` names the cause in one sentence
- `logs.log_requests(verdict, snapshot)`: which logs are worth fetching
- `workload.stuck_pod(snapshot)`: the pod that stops a StatefulSet's update (P49)
- `recording.header(workload, policy)`, `recording.encode(event)`: the lines of `events.ndjson`
- `replay.read(lines)`, `replay.replay(tape, policy)`: a recording judged again
- `scrub.scrub(text)`: text without credentials
"""
