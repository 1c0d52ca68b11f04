import { useState } from "react";
import { createRoot } from "react-dom/client";
import { PhotoColorizer } from "./PhotoColorizer.jsx";

function App() {
  const [photo, setPhoto] = useState(null);
  const [status, setStatus] = useState("");
  return (
    <>
      <p>
        <label>
          Photograph <input type="file" accept="image/*" onChange={({ target }) => setPhoto(target.files[0])} />
        </label>{" "}
        <output>{status}</output>
      </p>
      <PhotoColorizer
        photo={photo}
        controls="compare zoom tone save"
        onStart={() => setStatus("Colouring…")}
        onDone={({ detail }) => setStatus(`In colour, by ${detail.device.name}`)}
        onError={({ detail }) => setStatus(detail.error.message)}
      >
        <span slot="save">Keep it</span>
      </PhotoColorizer>
    </>
  );
}

createRoot(document.querySelector("main")).render(<App />);
