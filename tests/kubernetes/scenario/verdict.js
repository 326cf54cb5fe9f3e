// Which failed requests a killed pod accounts for: those on its connections, and those that waited for the attempt that died
// with it. Everything else is a failure of the deployment.

const overlaps = ({ at, took }, kill, patienceMs) => at <= kill.at + patienceMs && at + took >= kill.at;

/** `{cut, waited, refused, unexplained}`. `patienceMs` is how long after the kill a connection may still lead to the pod. */
export function judge(failures, kills, patienceMs) {
    const cut = failures.filter((failure) =>
        failure.error && !failure.refused && kills.some((each) => each.address === failure.pod && overlaps(failure, each, patienceMs)));
    const orders = new Set(cut.map(({ order }) => order));
    const waited = failures.filter(({ status, json, order }) => status === 409 && json?.code === 'creation_in_progress' && orders.has(order));
    const refused = failures.filter((failure) => failure.refused && kills.some((each) => overlaps(failure, each, patienceMs)));
    const explained = new Set([...cut, ...waited, ...refused]);
    return { cut, waited, refused, unexplained: failures.filter((failure) => !explained.has(failure)) };
}
