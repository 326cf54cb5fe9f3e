// Many texts looked for in one pass over a much larger one: thousands of secrets in gigabytes of logs and dumps.
const stem = 8; // each needle's first bytes, by which it is found

/** The place of a stem in the filter, of its two halves as 32-bit words. */
const placeOf = (low, high) => (Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b)) >>> 10;

export class Needles {
    /** Of at least 8 bytes each. */
    constructor(texts) {
        this.filter = new Uint8Array(1 << 22);
        this.byPlace = new Map();
        for (const text of texts) {
            const bytes = Buffer.from(text);
            if (bytes.length < stem) throw new Error(`a needle of ${bytes.length} bytes is too short`);
            const [low, high] = [bytes.readInt32LE(0), bytes.readInt32LE(4)];
            const place = placeOf(low, high);
            this.filter[place] = 1;
            this.byPlace.set(place, [...(this.byPlace.get(place) ?? []), { text, bytes, low, high }]);
        }
    }

    /** The first needle in `haystack` (a Buffer): `{at, text}`; undefined when there is none. */
    findIn(haystack) {
        const { filter } = this;
        const last = haystack.length - stem;
        if (last < 0) return undefined;
        let low = haystack.readInt32LE(0);
        let high = haystack.readInt32LE(4);
        for (let at = 0; ; at++) {
            const place = placeOf(low, high);
            if (filter[place] === 1)
                for (const one of this.byPlace.get(place))
                    if (one.low === low && one.high === high && haystack.subarray(at, at + one.bytes.length).equals(one.bytes))
                        return { at, text: one.text };
            if (at === last) return undefined;
            low = (low >>> 8) | (haystack[at + 4] << 24);
            high = (high >>> 8) | (haystack[at + stem] << 24);
        }
    }
}
