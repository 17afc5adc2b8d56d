// Stripe's own card fields. A kept card is an option of the select; "another card" is typed into Stripe's frame, which
// hands back a token. Only that token is sent to us, as the value of the select.
"use strict";

for (const field of document.querySelectorAll("[data-card-fields]")) {
  const form = field.closest("form");
  const choice = field.querySelector("select");
  const label = field.querySelector("label");
  const typed = field.querySelector("[data-card-typed]");
  const problem = field.querySelector("[data-card-problem]");
  const hasKept = choice.options.length > 0;
  const another = new Option(field.dataset.another, "", false, !hasKept);

  choice.append(another);
  choice.required = false;
  choice.hidden = !hasKept;

  if (typeof Stripe === "undefined") {
    problem.textContent = field.dataset.unreachable;
    another.disabled = true;
    continue;
  }

  const look = getComputedStyle(typed);
  const stripe = Stripe(field.dataset.key, { locale: field.dataset.language });
  const card = stripe.elements().create("card", {
    hidePostalCode: true,
    style: { base: { color: look.color, fontFamily: look.fontFamily, fontSize: "16px" } },
  });

  const show = () => {
    typed.hidden = choice.value !== "";
    label.htmlFor = hasKept ? choice.id : typed.id;
  };
  show();
  card.mount(typed);
  choice.addEventListener("change", show);
  card.on("change", (event) => {
    problem.textContent = event.error ? event.error.message : "";
  });

  let asking = false;
  form.addEventListener("submit", async (event) => {
    // A new total needs no card.
    if (choice.value !== "" || ["update", "no_card"].includes(event.submitter?.name)) return;
    event.preventDefault();
    if (asking) return;
    asking = true;
    const { error, paymentMethod } = await stripe.createPaymentMethod({ type: "card", card });
    asking = false;
    if (error) {
      problem.textContent = error.message;
      card.focus();
      return;
    }
    // In place of "another card", so that going back in the browser asks for the card again.
    another.value = paymentMethod.id;
    choice.value = paymentMethod.id;
    form.requestSubmit(event.submitter);
    another.value = "";
  });
}
