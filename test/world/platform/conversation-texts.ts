/** What is said in the simulated conversations. */
export type Language = 'en' | 'el';

export interface Exchange {
  intent: string;
  node: string;
  user: string;
  bot: string;
}

export const EXCHANGES: Record<Language, readonly Exchange[]> = {
  en: [
    { intent: 'opening_hours', node: 'node-hours', user: 'When are you open?', bot: 'Monday to Friday, 9 to 17.' },
    { intent: 'order_status', node: 'node-order', user: 'Where is my parcel?', bot: 'It is with the courier.' },
    { intent: 'invoice_copy', node: 'node-invoice', user: 'I need my invoice again', bot: 'I have mailed you a copy.' },
    { intent: 'leave_balance', node: 'node-leave', user: 'How many days off are left?', bot: 'You have 11 days left.' },
    {
      intent: 'password_reset',
      node: 'node-password',
      user: 'I forgot my password',
      bot: 'Here is how to set a new one.',
    },
    {
      intent: 'change_address',
      node: 'node-address',
      user: 'I have moved house',
      bot: 'Tell me the new address, please.',
    },
  ],
  el: [
    {
      intent: 'opening_hours',
      node: 'node-hours',
      user: 'Τι ώρες είστε ανοιχτά;',
      bot: 'Δευτέρα με Παρασκευή, 9 με 5.',
    },
    { intent: 'order_status', node: 'node-order', user: 'Πού βρίσκεται το δέμα μου;', bot: 'Το έχει ο μεταφορέας.' },
    { intent: 'invoice_copy', node: 'node-invoice', user: 'Θέλω πάλι το τιμολόγιο', bot: 'Σας έστειλα αντίγραφο.' },
    { intent: 'leave_balance', node: 'node-leave', user: 'Πόσες μέρες άδεια μένουν;', bot: 'Σας μένουν 11 μέρες.' },
    { intent: 'password_reset', node: 'node-password', user: 'Ξέχασα τον κωδικό μου', bot: 'Δείτε πώς ορίζετε νέο.' },
    { intent: 'change_address', node: 'node-address', user: 'Άλλαξα διεύθυνση', bot: 'Πείτε μου τη νέα, παρακαλώ.' },
  ],
};

export const SAYINGS: Record<
  Language,
  Record<'greeting' | 'handover' | 'started' | 'ended' | 'missed' | 'rating', string>
> = {
  en: {
    greeting: 'Hello! What can I do for you?',
    handover: 'One moment, I am calling a colleague.',
    started: 'A colleague has joined.',
    ended: 'The colleague has left the chat.',
    missed: 'All colleagues are busy. Shall we call you back?',
    rating: 'How did we do?',
  },
  el: {
    greeting: 'Γεια σας! Πώς μπορώ να βοηθήσω;',
    handover: 'Μια στιγμή, καλώ έναν συνάδελφο.',
    started: 'Ένας συνάδελφος συνδέθηκε.',
    ended: 'Ο συνάδελφος αποχώρησε.',
    missed: 'Όλοι είναι απασχολημένοι. Να σας καλέσουμε;',
    rating: 'Πώς τα πήγαμε;',
  },
};

export const AGENTS = [
  { handle: 'a9e11f00aa01', name: 'Maria Ioannou', email: 'maria.ioannou@support.example.com' },
  { handle: 'a9e11f00aa02', name: 'John Baker', email: 'john.baker@support.example.com' },
  { handle: 'a9e11f00aa03', name: 'Eleni Pappa', email: 'eleni.pappa@support.example.com' },
] as const;

export const END_USERS = ['Anna K.', 'Petros', 'Sam Hill', 'Ιωάννα', 'Lee', 'Γιώργος Μ.'] as const;
