// Where the embedded engine's C library comes from. The engine needs glibc >= 2.38; on an older Debian
// or Ubuntu this fetches a newer libc6 into node_modules/.cache and hands back its loader. Nothing
// outside that folder is written and no root is needed: apt-get runs on private state folders, with
// one source line made from the mirror the machine already uses, and checks signatures as usual.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEEDED = [2, 38];
const SUITE = { debian: 'trixie', ubuntu: 'noble' };
const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const CACHE = join(ROOT, 'node_modules', '.cache', 'mongodb-engine');

/** The words to put before `script.js` on a command line: node itself, or node under a newer loader. */
export function nodeCommand() {
  if (process.platform !== 'linux') return [process.execPath];
  const has = process.report.getReport().header.glibcVersionRuntime;
  if (!has)
    throw new Error(
      'the embedded MongoDB engine needs glibc (musl found); set MONGODB_URI to a running MongoDB instead',
    );
  if (!older(has.split('.').map(Number), NEEDED)) return [process.execPath];
  const libs = libraries();
  return [join(libs, loaderName(libs)), '--library-path', libs, process.execPath];
}

function older(a, b) {
  return a[0] !== b[0] ? a[0] < b[0] : a[1] < b[1];
}

function loaderName(folder) {
  const name = readdirSync(folder).find((n) => /^ld-linux.*\.so\.\d+$/.test(n));
  if (!name) throw new Error(`no dynamic loader in ${folder}`);
  return name;
}

function osRelease() {
  const lines = readFileSync('/etc/os-release', 'utf8').split('\n');
  return Object.fromEntries(
    lines
      .filter((l) => l.includes('='))
      .map((l) => {
        const [key, ...rest] = l.split('=');
        return [key, rest.join('=').replace(/^"|"$/g, '')];
      }),
  );
}

/** The folder that holds the newer libc6, fetched once. */
function libraries() {
  const { ID: id } = osRelease();
  const suite = SUITE[id];
  if (!suite || !existsSync('/usr/bin/apt-get')) {
    throw new Error(
      `the embedded MongoDB engine needs glibc >= ${NEEDED.join('.')}; set MONGODB_URI to a running MongoDB instead`,
    );
  }
  const home = join(CACHE, `glibc-${suite}-${process.arch}`);
  if (!existsSync(home)) fetchLibc(suite, home);
  const base = join(home, 'usr', 'lib');
  const triplet = readdirSync(base).find((n) => n.endsWith('-linux-gnu'));
  return join(base, triplet);
}

function fetchLibc(suite, home) {
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, 'fetch-'));
  try {
    for (const d of ['lists/partial', 'archives/partial', 'log', 'etc']) mkdirSync(join(work, d), { recursive: true });
    writeFileSync(join(work, 'status'), '');
    const { uri, signedBy } = mirror();
    writeFileSync(
      join(work, 'sources.list'),
      `deb [${signedBy ? `signed-by=${signedBy}` : ''}] ${uri} ${suite} main\n`.replace('[] ', ''),
    );
    writeFileSync(
      join(work, 'apt.conf'),
      [
        // hooks such as Docker's "rm the archives" would reach outside this folder
        '#clear APT::Update::Pre-Invoke;',
        '#clear APT::Update::Post-Invoke;',
        '#clear APT::Update::Post-Invoke-Success;',
        '#clear DPkg::Pre-Invoke;',
        '#clear DPkg::Post-Invoke;',
        '#clear DPkg::Pre-Install-Pkgs;',
        '#clear APT::Default-Release;',
        `Dir::State "${work}";`,
        `Dir::State::Lists "${work}/lists";`,
        `Dir::State::status "${work}/status";`,
        `Dir::State::extended_states "${work}/extended_states";`,
        `Dir::Cache "${work}";`,
        `Dir::Cache::archives "${work}/archives";`,
        `Dir::Log "${work}/log";`,
        'Dir::Cache::pkgcache "";',
        'Dir::Cache::srcpkgcache "";',
        `Dir::Etc::sourcelist "${work}/sources.list";`,
        'Dir::Etc::sourceparts "-";',
        `Dir::Etc::preferences "${work}/none";`,
        'Dir::Etc::preferencesparts "-";',
        'APT::Sandbox::User "";',
        'Acquire::Languages "none";',
        'Acquire::Retries "2";',
        'Acquire::http::Timeout "20";',
        'Acquire::https::Timeout "20";',
        'APT::Get::List-Cleanup "0";',
        '',
      ].join('\n'),
    );
    console.error(`mongodb: glibc is older than ${NEEDED.join('.')}; fetching ${suite}'s libc6 into ${home} (once)`);
    const apt = (...args) => must('apt-get', ['-q', '-c', join(work, 'apt.conf'), ...args], join(work, 'archives'));
    apt('update');
    apt('download', 'libc6');
    const deb = readdirSync(join(work, 'archives')).find((n) => n.endsWith('.deb'));
    must('dpkg-deb', ['-x', join(work, 'archives', deb), join(work, 'root')], work);
    try {
      renameSync(join(work, 'root'), home);
    } catch (error) {
      if (!existsSync(home)) throw error; // another process got there first
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function must(command, args, cwd) {
  const done = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (done.status !== 0)
    throw new Error(`${command} ${args.at(-1)} failed:\n${done.stdout ?? ''}${done.stderr ?? ''}${done.error ?? ''}`);
}

/** The first archive of this distribution in /etc/apt, as (uri, keyring): both file formats are read. */
export function mirror(etc = '/etc/apt') {
  const files = [join(etc, 'sources.list')];
  const parts = join(etc, 'sources.list.d');
  if (existsSync(parts))
    files.push(
      ...readdirSync(parts)
        .sort()
        .map((n) => join(parts, n)),
    );
  const found = [];
  for (const file of files.filter((f) => existsSync(f))) {
    const text = readFileSync(file, 'utf8');
    if (file.endsWith('.sources')) {
      for (const stanza of text.replace(/^#.*\n?/gm, '').split(/\n\s*\n/)) {
        const field = (name) => stanza.match(new RegExp(`^${name}:[ \\t]*(.+)$`, 'mi'))?.[1].trim();
        if (/^enabled:\s*no/im.test(stanza)) continue;
        for (const uri of (field('URIs') ?? '').split(/\s+/).filter(Boolean)) {
          const key = field('Signed-By');
          found.push({
            uri,
            suites: field('Suites') ?? '',
            components: field('Components') ?? '',
            signedBy: key?.startsWith('/') ? key : undefined,
          });
        }
      }
    } else if (file.endsWith('.list')) {
      for (const line of text.split('\n')) {
        const m = line.match(/^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+(.*)$/);
        if (m) found.push({ uri: m[2], suites: m[3], components: m[4], signedBy: m[1]?.match(/signed-by=(\S+)/)?.[1] });
      }
    }
  }
  const code = osRelease().VERSION_CODENAME;
  const own = found.find(
    (f) => f.suites.split(/\s+/).includes(code) && /\bmain\b/.test(f.components) && !/security/.test(f.uri),
  );
  if (!own)
    throw new Error(
      `no ${code} main archive among the sources in ${etc}; set MONGODB_URI to a running MongoDB instead`,
    );
  return own;
}
