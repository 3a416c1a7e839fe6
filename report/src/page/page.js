// What the page can do beyond being read: filter, switches, the card of a number, copied links and citations, dark and light.
// All numbers stand in the page already; this only finds, hides and shows.
'use strict';
(() => {
  const root = document.documentElement;
  root.classList.add('script');
  const data = JSON.parse(document.getElementById('data').textContent);
  const KEYS = ['est', 'low', 'high', 'p50', 'p99', 'p999', 'max', 'cpu', 'sw'];
  const NAMES = { est: 'median', p50: 'p50', p99: 'p99', p999: 'p99.9', max: 'max', cpu: 'CPU/op', sw: 'switches/op' };
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // --- figures as the page writes them: three digits and a unit
  const figure = value => {
    const before = Math.abs(value) < 1 ? 1 : Math.floor(Math.log10(Math.abs(value))) + 1;
    return value.toFixed(Math.max(0, 3 - before));
  };
  const time = ns => {
    const [unit, name] = ns < 1e3 ? [1, 'ns'] : ns < 1e6 ? [1e3, 'µs'] : ns < 1e9 ? [1e6, 'ms'] : [1e9, 's'];
    return `${figure(ns / unit)} ${name}`;
  };

  // --- filter and switches
  const form = document.getElementById('filters');
  const search = document.getElementById('search');
  const found = document.getElementById('found');
  const SWITCHES = ['peer', 'placement', 'waiting'];

  function apply() {
    const off = {};
    for (const key of SWITCHES) {
      off[key] = new Set(all(`input[name="${key}"]:not(:checked)`, form).map(box => box.value));
    }
    for (const key of SWITCHES) {
      for (const element of all(`[data-${key}]`)) {
        element.toggleAttribute('hidden', SWITCHES.some(k => off[k].has(element.dataset[k])));
      }
    }
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matches = name => words.length === 0 || words.some(word => name.toLowerCase().includes(word));
    const names = new Set();
    for (const element of all('[data-s]')) {
      const fits = matches(element.dataset.s);
      if (fits) names.add(element.dataset.s);
      if (element.tagName === 'TR') {
        const switched = SWITCHES.some(k => off[k].has(element.dataset[k]));
        element.toggleAttribute('hidden', switched || !fits);
      } else {
        element.classList.toggle('unmatched', !fits);
      }
    }
    for (const section of all('section.chart')) {
      const figures = all('figure', section);
      section.toggleAttribute('hidden', figures.length > 0 && figures.every(figure => figure.hidden));
    }
    for (const figure of all('figure')) {
      const rows = all('svg [data-s]', figure);
      figure.classList.toggle('unmatched', rows.length > 0 && rows.every(row => row.classList.contains('unmatched')));
    }
    found.textContent = words.length ? `${names.size} ${names.size === 1 ? 'name matches' : 'names match'}` : '';
  }

  // --- what is filtered stands in the address, behind #, where it is no link to a number
  const FILTERED = 'filter?';
  function keep() {
    apply();
    const told = new URLSearchParams();
    if (search.value.trim()) told.set('words', search.value.trim());
    for (const key of SWITCHES) {
      all(`input[name="${key}"]:not(:checked)`, form).forEach(box => told.append(key, box.value));
    }
    const text = told.toString();
    if (text || location.hash.startsWith('#' + FILTERED)) {
      history.replaceState(null, '', location.href.split('#')[0] + '#' + (text ? FILTERED + text : ''));
    }
  }
  function recall() {
    if (!location.hash.startsWith('#' + FILTERED)) return;
    const told = new URLSearchParams(location.hash.slice(1 + FILTERED.length));
    search.value = told.get('words') ?? '';
    for (const key of SWITCHES) {
      all(`input[name="${key}"]`, form).forEach(box => { box.checked = !told.getAll(key).includes(box.value); });
    }
    apply();
  }
  recall();
  addEventListener('hashchange', recall);
  form.addEventListener('input', keep);
  form.addEventListener('submit', event => event.preventDefault());
  form.addEventListener('reset', () => setTimeout(keep));
  document.addEventListener('keydown', event => {
    if (event.key === '/' && !/^(INPUT|TEXTAREA)$/.test(event.target.tagName)) {
      event.preventDefault();
      search.focus();
    }
  });

  // --- dark or light
  const dark = matchMedia('(prefers-color-scheme: dark)');
  document.getElementById('theme').addEventListener('click', () => {
    const now = root.dataset.theme || (dark.matches ? 'dark' : 'light');
    root.dataset.theme = now === 'dark' ? 'light' : 'dark';
  });

  // --- the card of a number
  const card = document.createElement('aside');
  card.id = 'card';
  card.hidden = true;
  card.setAttribute('role', 'status');
  document.body.append(card);
  let shown = null;
  let pinned = false;

  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  // In the list of all numbers the anchor is the address.
  const address = number => number.dataset.n ?? number.id.slice(1);

  function parts(number) {
    const [machine, cell] = address(number).split('.', 2).map(Number);
    const values = {};
    const row = data.machines[machine].values[cell];
    KEYS.forEach((name, place) => { if (row[place] !== null) values[name] = row[place]; });
    return { machine, cell, values, grade: row[KEYS.length], launches: row[KEYS.length + 1] };
  }

  function anchor(number) {
    const canonical = document.getElementById('n' + address(number));
    const { machine, cell } = parts(number);
    return canonical ? canonical.id : (document.getElementById(`n${machine}.${cell}.est`) || document.getElementById(`n${machine}.${cell}.ratio`) || number).id;
  }

  async function copy(text, button) {
    let done = false;
    try {
      await navigator.clipboard.writeText(text);
      done = true;
    } catch {
      const area = element('textarea');
      area.value = text;
      document.body.append(area);
      area.select();
      done = document.execCommand('copy');
      area.remove();
    }
    button.textContent = done ? 'Copied' : 'Copying was refused';
    button.dataset.copied = text;
  }

  function fill(number) {
    const { machine, cell, values, grade, launches } = parts(number);
    const [id, mechanism, workload, conditions, central = NAMES.est, quantiles = '', cpu = NAMES.cpu] = data.cells[cell];
    const named = (key, name) => key === 'est' ? central : key === 'cpu' ? cpu : key === 'sw' ? name : quantiles + name;
    const title = element('h3', '', `${mechanism}, ${workload}`);
    const told = element('p', 'told', number.querySelector('title')?.textContent || number.dataset.told || number.textContent);
    const list = element('dl');
    const entry = (name, text) => list.append(element('dt', '', name), element('dd', '', text));
    for (const [key, name] of Object.entries(NAMES)) {
      if (key in values) entry(named(key, name), key === 'sw' ? figure(values[key]) : time(values[key]));
    }
    if ('low' in values) entry('interval', `${time(values.low)} – ${time(values.high)}`);
    entry('launches', String(launches));
    if (grade) entry('grade', grade);
    const buttons = element('div', 'buttons');
    const { sentence, command, refusal } = citation(machine, cell);
    const cite = element('button', 'cite', sentence ? 'Copy citation' : 'Copy the command that cites it');
    cite.type = 'button';
    cite.addEventListener('click', () => copy(sentence ?? command, cite));
    const link = element('button', 'link', 'Copy link');
    link.type = 'button';
    link.addEventListener('click', () => copy(location.href.split('#')[0] + '#' + anchor(number), link));
    const go = element('button', 'go', 'Show in all numbers');
    go.type = 'button';
    go.addEventListener('click', () => { hide(); location.hash = anchor(number); reveal(); });
    buttons.append(...(refusal ? [] : [cite]), link, go);
    const where = element('p', 'soft', `${data.machines[machine].label}; ${data.machines[machine].system}; ${data.machines[machine].started}`);
    card.replaceChildren(title, told, element('p', 'soft', conditions), list, where, element('p', 'id soft', id), ...(refusal ? [element('p', 'refusal', refusal)] : []), buttons);
  }

  function show(number) {
    if (shown === number) return;
    shown?.classList.remove('here');
    shown = number;
    number.classList.add('here');
    // The card says it better than the browser's own hint, which would cover it.
    const title = number.querySelector('title');
    if (title) {
      number.dataset.told = title.textContent;
      title.remove();
    }
    fill(number);
    card.hidden = false;
    const place = number.getBoundingClientRect();
    const own = card.getBoundingClientRect();
    const left = Math.min(Math.max(place.left + place.width / 2 - own.width / 2, 8), root.clientWidth - own.width - 8);
    const below = place.bottom + 10 + own.height < innerHeight || place.top < own.height + 10;
    card.style.left = `${left + scrollX}px`;
    card.style.top = `${(below ? place.bottom + 10 : place.top - own.height - 10) + scrollY}px`;
  }

  function hide() {
    shown?.classList.remove('here');
    shown = null;
    pinned = false;
    card.hidden = true;
  }

  const numberAt = target => (target instanceof Element ? target.closest('[data-v]') : null);
  const lit = target => (target instanceof Element ? target.closest('.series, .names [data-s]') : null);
  document.addEventListener('pointerover', event => {
    const series = lit(event.target);
    for (const other of all('.series.lit')) other.classList.remove('lit');
    if (series) {
      const drawing = series.closest('svg');
      for (const same of all('.series', drawing)) same.classList.toggle('lit', same.dataset.s === series.dataset.s);
    }
    if (pinned) return;
    const number = numberAt(event.target);
    if (number) show(number);
    else if (!card.contains(event.target)) hide();
  });
  document.addEventListener('click', event => {
    if (card.contains(event.target)) return;
    const number = numberAt(event.target);
    hide();
    if (number) {
      show(number);
      pinned = true;
    }
  });

  // --- by keyboard: arrows walk the numbers of a drawing or a table, Enter goes to the card, Escape away
  document.addEventListener('keydown', event => {
    if (event.key === 'Escape' && shown) {
      const back = shown.closest('svg[tabindex], td');
      hide();
      back?.focus?.();
      return;
    }
    const drawing = event.target.closest?.('svg[tabindex]');
    if (!drawing) return;
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    if (event.key in steps) {
      const numbers = all('[data-v]', drawing);
      const at = numbers.indexOf(shown);
      const next = at < 0 ? 0 : Math.min(Math.max(at + steps[event.key], 0), numbers.length - 1);
      event.preventDefault();
      show(numbers[next]);
      pinned = true;
    } else if (event.key === 'Enter' && shown) {
      event.preventDefault();
      card.querySelector('button').focus();
    }
  });

  // --- a link to a number opens what it stands in
  function reveal() {
    if (location.hash.startsWith('#' + FILTERED)) return;
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let around = target; around; around = around.parentElement) {
      if (around.tagName === 'DETAILS') around.open = true;
    }
    target?.scrollIntoView({ block: target.tagName === 'SECTION' ? 'start' : 'center' });
  }
  addEventListener('hashchange', reveal);
  if (location.hash) reveal();

  // What `ipcmark cite` says; where the page does not have it, the command that does; or why there is none.
  function citation(machine, cell) {
    const { sentences, refusals, command } = data.machines[machine].citations;
    if (command) return { command: `${command} '${data.cells[cell][0].replaceAll("'", "'\\''")}'` };
    return cell in sentences ? { sentence: sentences[cell] } : { refusal: refusals[cell] };
  }
  root.dataset.ready = 'yes';
})();
