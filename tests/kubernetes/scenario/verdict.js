// Which failed requests a killed pod accounts for: those on its connections, whether cut or answered by it while it went
// under, and those that waited, at another replica, for an attempt that failed with it. All else is the deployment's failure.

const overlaps = ({ at, took }, kill, patienceMs) => at <= kill.at + patienceMs && at + took >= kill.at;

/** What a request is told that waited for another one's attempt in vain. */
const inVain = new Set(['creation_in_progress', 'clink_unavailable', 'clink_outcome_unknown']);

/** `{cut, waited, refused, unexplained}`. `patienceMs` is how long after the kill a connection may still lead to the pod. */
export function judge(failures, kills, patienceMs) {
    const cut = failures.filter((failure) =>
        !failure.refused && kills.some((each) => each.address === failure.pod && overlaps(failure, each, patienceMs)));
    const orders = new Set(cut.map(({ order }) => order));
    const refused = failures.filter((failure) => failure.refused && kills.some((each) => overlaps(failure, each, patienceMs)));
    const waited = failures.filter((failure) => !cut.includes(failure) && inVain.has(failure.json?.code) && orders.has(failure.order));
    const explained = new Set([...cut, ...waited, ...refused]);
    return { cut, waited, refused, unexplained: failures.filter((failure) => !explained.has(failure)) };
}
