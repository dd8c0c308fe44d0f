/** Buttons that copy, on every page: `data-copy` has the id of what is copied, an element `said` says that it was. */
export const copyScript = `
'use strict';
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
for (const hidden of all('[data-script]')) hidden.hidden = false;
const said = document.getElementById('said');
async function copy(button) {
  const code = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(code.textContent);
    said.textContent = button.textContent = 'copied';
  } catch {
    // no clipboard for this page: what is selected can be copied by hand
    getSelection().selectAllChildren(code);
    said.textContent = button.textContent = 'selected';
  }
  setTimeout(() => { button.textContent = 'copy'; }, 2000);
}
document.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (button?.dataset.copy) copy(button);
});
`;
