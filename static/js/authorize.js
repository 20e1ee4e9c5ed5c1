// Sends the request for a sign-in to the EHR by itself; without a script its button does.
"use strict";

document.querySelector("#authorize").submit();
