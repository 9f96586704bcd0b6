(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const theme = localStorage.getItem("mlws-theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch { /* a page without storage follows the system */ }
})();
