// Which replica a connection to the Service leads to: kube-proxy translates addresses in the kernel, and the kernel's table
// of connections tells.
import { readFileSync } from 'node:fs';

/** The address of the pod behind the connection from a local port, or undefined. */
export function podBehind(localPort) {
    for (const line of readFileSync('/proc/net/nf_conntrack', 'utf8').split('\n')) {
        if (!line.includes(`sport=${localPort} `)) continue;
        const [, there, back] = /\bsrc=\S+ dst=\S+ sport=(\d+) .*?\bsrc=(\S+)/.exec(line) ?? [];
        if (Number(there) === localPort) return back;
    }
    return undefined;
}
