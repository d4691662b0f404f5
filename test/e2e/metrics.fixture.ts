import { createRequire } from 'node:module';

interface Sample {
  labels?: Record<string, string>;
  value: string;
}

interface Family {
  name: string;
  help: string;
  type: string;
  metrics: Sample[];
}

// it brings no types
const parse = createRequire(__filename)('parse-prometheus-text-format') as (text: string) => Family[];

/** A scrape, read by a parser that is not ours. */
export class Scrape {
  /** By their full names; `x_bucket`, `x_sum` and `x_count` of a histogram are three. */
  private readonly samples: readonly (Sample & { name: string })[];

  private constructor(
    readonly families: readonly Family[],
    text: string,
    readonly contentType: string | null,
  ) {
    // told of types, the parser would fold the histograms of all labels into one
    const plain = parse(text.replace(/^#.*\n/gm, ''));
    this.samples = plain.flatMap(({ name, metrics }) => metrics.map((sample) => ({ ...sample, name })));
  }

  static async of(url: string): Promise<Scrape> {
    const response = await fetch(url);
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
    return new Scrape(parse(text), text, response.headers.get('content-type'));
  }

  /** As a query uses them, whether there are samples yet or not. */
  get names(): Set<string> {
    const endings = (type: string) => (type === 'HISTOGRAM' ? ['_bucket', '_sum', '_count'] : ['']);
    return new Set(this.families.flatMap(({ name, type }) => endings(type).map((ending) => name + ending)));
  }

  get labelValues(): Set<string> {
    return new Set(this.samples.flatMap(({ labels = {} }) => Object.values(labels)));
  }

  /**
   * The first sample with these labels.
   *
   * @param name without the prefix
   * @returns undefined when there is none
   */
  value(name: string, labels: Record<string, string> = {}): number | undefined {
    const sample = this.samples.find(
      (one) =>
        one.name === `hbf_session_manager_${name}` &&
        Object.entries(labels).every(([label, value]) => one.labels?.[label] === value),
    );
    return sample && Number(sample.value);
  }
}
