// Which replica a connection to the Service leads to: kube-proxy translates addresses in the kernel, and the kernel's table
// of connections tells.
import { readFileSync } from 'node:fs';

/** The address of the pod behind the connection from a local port to the Service's address, or undefined. */
export function podBehind(localPort, service) {
    for (const line of readFileSync('/proc/net/nf_conntrack', 'utf8').split('\n')) {
        // Other connections, of the pods themselves for one, may have the same port.
        if (!line.includes(`dst=${service} sport=${localPort} `)) continue;
        const [, there, back] = /\bsrc=\S+ dst=\S+ sport=(\d+) .*?\bsrc=(\S+)/.exec(line) ?? [];
        if (Number(there) === localPort) return back;
    }
    return undefined;
}
